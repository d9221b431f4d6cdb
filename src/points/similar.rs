//! Codes that an unknown one may have been meant as: for people to choose from, never booked by guess.

use std::{collections::HashSet, iter::zip};

use crate::kernel::id::BranchId;

/// How many branches are suggested.
const SUGGESTIONS: usize = 5;
/// How many characters may be otherwise in a suggested code, or change places.
const APART: usize = 2;

/// A code that a branch has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownCode {
    /// The source that knows the branch by it; None where everybody does.
    pub source_code: Option<String>,
    /// The code.
    pub code: String,
    /// Whose.
    pub branch: BranchId,
}

/// The branches whose codes are the likest towards a source, the likest first, at most five.
pub(super) fn likest(source_code: &str, code: &str, known: &[KnownCode]) -> Vec<BranchId> {
    let towards = |known: &&KnownCode| known.source_code.as_deref().is_none_or(|one| one == source_code);
    let mut near: Vec<(usize, &str, BranchId)> = known
        .iter()
        .filter(towards)
        .filter_map(|known| Some((apart(code, &known.code)?, known.code.as_str(), known.branch)))
        .collect();
    near.sort_unstable();
    let mut seen = HashSet::new();
    let ids = near
        .into_iter()
        .map(|(_, _, id)| id)
        .filter(|id| seen.insert(*id));
    ids.take(SUGGESTIONS).collect()
}

/// How many slips of the pen (a character more, less, another, or two that changed places) lie between a code and another; None
/// for more than two, and where neither end is alike.
fn apart(code: &str, other: &str) -> Option<usize> {
    let (code, other): (Vec<char>, Vec<char>) = (code.chars().collect(), other.chars().collect());
    if code.len().abs_diff(other.len()) > APART {
        return None;
    }
    let head = zip(&code, &other).take_while(|(a, b)| a == b).count();
    // So much of either end as one slip of the pen leaves alone.
    let alike = (code.len() / 3).max(1);
    // What both begin or end with moves nothing: the rest is short, and most rests are told apart by what they consist of.
    let (_, code) = code.split_at(head);
    let (_, other) = other.split_at(head);
    let tail = zip(code.iter().rev(), other.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    if head < alike && tail < alike {
        return None;
    }
    let (code, _) = code.split_at(code.len() - tail);
    let (other, _) = other.split_at(other.len() - tail);
    if beyond(code, other) > APART || beyond(other, code) > APART {
        return None;
    }
    let apart = strsim::generic_damerau_levenshtein(code, other);
    (apart <= APART).then_some(apart)
}

/// How many characters of one the other has not: each is a slip of its own.
fn beyond(one: &[char], other: &[char]) -> usize {
    let mut other: Vec<Option<char>> = other.iter().copied().map(Some).collect();
    one.iter()
        .filter(|c| match other.iter_mut().find(|o| **o == Some(**c)) {
            Some(found) => {
                *found = None;
                false
            }
            None => true,
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_seen() {
        for (code, other, slips) in [
            ("HC-SQ-0123", "HC-SQ-0123", Some(0)),
            ("HC-SQ-0123", "HC-SQ-0132", Some(1)),
            ("HC-SQ-0123", "HC-SQ-123", Some(1)),
            ("HC-SQ-0123", "HC-QS-0132", Some(2)),
            ("HC-SQ-0123", "HC-SQ-0456", None),
            ("HC-SQ-0123", "HC-SQ-01", Some(2)),
            ("HC-SQ-0123", "HC-SQ-0", None),
            ("B-1", "B1", Some(1)),
            ("B-1", "B2", Some(2)),
            ("ZZ", "B1", None),
            ("浦东-1", "浦东-2", Some(1)),
            ("", "", None),
        ] {
            assert_eq!(apart(code, other), slips, "{code} {other}");
        }
    }

    #[test]
    fn branches_are_suggested_once_and_towards_their_source() {
        let known = |source: Option<&str>, code: &str, branch: i64| KnownCode {
            source_code: source.map(str::to_owned),
            code: code.to_owned(),
            branch: BranchId(branch),
        };
        let all = [
            known(None, "B-11", 1),
            known(Some("EJIA"), "B-12", 1),
            known(Some("OTHER"), "B-13", 2),
            known(None, "B-13X", 3),
        ];
        assert_eq!(likest("EJIA", "B-13", &all), [BranchId(1), BranchId(3)]);
        assert_eq!(
            likest("OTHER", "B-13", &all),
            [BranchId(2), BranchId(1), BranchId(3)]
        );
        let many: Vec<KnownCode> = (0..9).map(|n| known(None, &format!("B-1{n}"), n)).collect();
        assert_eq!(likest("EJIA", "B-1", &many).len(), SUGGESTIONS);
    }

    proptest! {
        #[test]
        fn what_is_left_out_early_is_far_away(code in "[AB1-3-]{0,8}", other in "[AB1-3-]{0,8}") {
            let slips = strsim::damerau_levenshtein(&code, &other);
            match apart(&code, &other) {
                Some(found) => prop_assert_eq!(found, slips),
                None => {
                    let third = (code.chars().count() / 3).max(1);
                    let head = zip(code.chars(), other.chars()).take_while(|(a, b)| a == b).count();
                    let tail = zip(code.chars().rev(), other.chars().rev()).take_while(|(a, b)| a == b).count();
                    prop_assert!(slips > APART || (head < third && tail < third));
                }
            }
        }
    }
}
