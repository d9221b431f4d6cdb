//! Who would gain most from a pairing with a branch (docs/domain.md, 19).

use std::{cmp::Reverse, collections::HashMap};

use crate::{campaign::Aspect, kernel::id::BranchId, pairing::PairingBasis};

/// Scores of a branch's latest check by aspect, 0 to 100 in hundredths.
pub type Scores = HashMap<Aspect, i32>;

/// Who could be paired with the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its key.
    pub id: BranchId,
    /// Its code.
    pub code: String,
    /// Whether it is of the branch's field; else it is below the same committee.
    pub same_domain: bool,
}

/// A candidate, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Which branch.
    pub branch: BranchId,
    /// What both have in common.
    pub basis: PairingBasis,
    /// Hundredths of points that lie between the stronger and the weaker one, over the aspects below.
    pub gain: i64,
    /// Aspects in which the stronger one is strong and the weaker one is not.
    pub helps_with: Vec<Aspect>,
}

/// The gain of which there can be no more: every aspect, from nothing to everything.
pub const MOST: i64 = 7 * 10_000;

/// The aspects that one is strong in, from `strong` points on, and the other is not; those that one of them has no score in are
/// left out.
fn meets(stronger: &Scores, weaker: &Scores, strong: u32) -> (i64, Vec<Aspect>) {
    let from = i64::from(strong) * 100;
    let mut gain = 0;
    let mut aspects = Vec::new();
    for aspect in Aspect::ALL {
        let (Some(more), Some(less)) = (stronger.get(aspect), weaker.get(aspect)) else {
            continue;
        };
        let (more, less) = (i64::from(*more), i64::from(*less));
        if more >= from && less < from {
            gain += more - less;
            aspects.push(*aspect);
        }
    }
    (gain, aspects)
}

fn average(scores: &Scores) -> Option<i64> {
    let sum: i64 = scores.values().map(|score| i64::from(*score)).sum();
    sum.checked_div(i64::try_from(scores.len()).ok()?)
}

/// The best candidates, best first: most to gain; of equals the weakest where the branch is gold, else the strongest; those without
/// scores after those with; by code.
pub fn suggest(
    own: &Scores,
    own_is_gold: bool,
    candidates: Vec<Candidate>,
    scores: &HashMap<BranchId, Scores>,
    strong: u32,
    most: usize,
) -> Vec<Suggestion> {
    let nothing = Scores::new();
    let mut ranked: Vec<_> = candidates
        .into_iter()
        .map(|candidate| {
            let theirs = scores.get(&candidate.id).unwrap_or(&nothing);
            let (gain, helps_with) = match own_is_gold {
                true => meets(own, theirs, strong),
                false => meets(theirs, own, strong),
            };
            let mean = average(theirs);
            let weaker_first = mean.map(|mean| if own_is_gold { mean } else { -mean });
            let order = (Reverse(gain), mean.is_none(), weaker_first, candidate.code);
            let basis = match candidate.same_domain {
                true => PairingBasis::SameDomain,
                false => PairingBasis::SameAffiliation,
            };
            let suggestion = Suggestion {
                branch: candidate.id,
                basis,
                gain,
                helps_with,
            };
            (order, suggestion)
        })
        .collect();
    ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
    ranked.truncate(most);
    ranked.into_iter().map(|(_, suggestion)| suggestion).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(organization: i32, role: i32) -> Scores {
        [
            (Aspect::Organization, organization * 100),
            (Aspect::Role, role * 100),
        ]
        .into()
    }

    fn candidate(id: i64) -> Candidate {
        Candidate {
            id: BranchId(id),
            code: format!("B{id}"),
            same_domain: id % 2 == 0,
        }
    }

    fn suggested(own: &Scores, gold: bool, theirs: &[Option<Scores>]) -> Vec<(i64, i64, Vec<Aspect>)> {
        let ids = || 1_i64..;
        let known = ids()
            .zip(theirs)
            .filter_map(|(id, scores)| Some((BranchId(id), scores.clone()?)))
            .collect();
        let candidates = ids().zip(theirs).map(|(id, _)| candidate(id)).collect();
        suggest(own, gold, candidates, &known, 90, 10)
            .into_iter()
            .map(|found| (found.branch.0, found.gain, found.helps_with))
            .collect()
    }

    #[test]
    fn a_gold_branch_gets_those_whose_weak_aspects_meet_its_strong_ones() {
        use Aspect::{Organization, Role};
        let theirs = [
            Some(scores(95, 20)),
            Some(scores(50, 90)),
            None,
            Some(scores(60, 10)),
            Some(scores(50, 40)),
        ];
        // It is strong in one of them: what it is not strong in itself is no help.
        let found = suggested(&scores(90, 89), true, &theirs);
        assert_eq!(
            found,
            [
                (5, 4000, vec![Organization]),
                (2, 4000, vec![Organization]),
                (4, 3000, vec![Organization]),
                (1, 0, vec![]),
                (3, 0, vec![]),
            ]
        );
        let found = suggested(&scores(100, 100), true, &theirs);
        assert_eq!(found.first(), Some(&(4, 13_000, vec![Organization, Role])));
    }

    #[test]
    fn another_gets_those_that_are_strong_where_it_is_weak() {
        let theirs = [
            Some(scores(100, 10)),
            Some(scores(89, 95)),
            Some(scores(100, 95)),
            None,
        ];
        let found = suggested(&scores(95, 50), false, &theirs);
        let order: Vec<_> = found.iter().map(|(id, gain, _)| (*id, *gain)).collect();
        assert_eq!(order, [(3, 4500), (2, 4500), (1, 0), (4, 0)]);
    }
}
