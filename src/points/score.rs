//! Scores in buckets, so that a rank is a sum of a few counts whatever the number of branches.
//!
//! A bucket of a level holds a range of scores; 128 buckets of one level make one of the next. Of those above a score, the
//! whole buckets are counted by bucket, coarse ones first, and only what shares the finest bucket with it is counted score
//! by score. A score of zero is in no bucket: most branches have none in most months.

use std::collections::BTreeMap;

use crate::{
    branch::{Domain, Place},
    kernel::{period::Period, points::Points},
};

/// Bits of a score, in hundredths, that a bucket of each level does not tell apart: 0.64, 81.92 and 10,485.76 points.
pub const LEVELS: [u32; 3] = [6, 13, 20];

/// The number that stands for a period where participants are counted: no period has it.
pub const PARTICIPANTS: i32 = 0;

/// A bucket of the scores of a field's branches in a period. The district's are those of its seven fields together: to read
/// seven times as many counts costs less than to keep each twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// The number of a period, or [`PARTICIPANTS`].
    pub period: i32,
    /// The field.
    pub domain: &'static str,
    /// The place in [`LEVELS`].
    pub level: i32,
    /// Which of its level: those of higher scores have higher numbers.
    pub number: i64,
}

/// How many branches more, or fewer, have a score in which bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Bucket, i64>);

impl Tally {
    /// A branch's score in a period was one and is another now.
    pub fn moved(&mut self, period: Period, domain: Domain, before: Points, after: Points) {
        for (score, branches) in [(before, -1), (after, 1)] {
            if score.is_zero() {
                continue;
            }
            for (level, bits) in (0..).zip(LEVELS) {
                let bucket = Bucket {
                    period: period.number(),
                    domain: domain.as_str(),
                    level,
                    number: score.hundredths() >> bits,
                };
                self.add(bucket, branches);
            }
        }
    }

    /// A branch takes part where it did not, or takes part elsewhere, or no longer.
    pub fn placed(&mut self, before: Option<Place>, after: Option<Place>) {
        for (place, branches) in [(before, -1), (after, 1)] {
            let Some(place) = place else { continue };
            let bucket = Bucket {
                period: PARTICIPANTS,
                domain: place.domain.as_str(),
                level: 0,
                number: 0,
            };
            self.add(bucket, branches);
        }
    }

    fn add(&mut self, bucket: Bucket, branches: i64) {
        *self.0.entry(bucket).or_default() += branches;
    }

    /// The buckets in which it came to something, in their order.
    pub fn buckets(&self) -> impl Iterator<Item = (Bucket, i64)> + '_ {
        let pairs = self.0.iter().map(|(bucket, branches)| (*bucket, *branches));
        pairs.filter(|(_, branches)| *branches != 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIOD: &str = "2022-07";

    /// The rank as the statements of the store reckon it.
    fn rank(tally: &Tally, scores: &[i64], mine: i64) -> i64 {
        let counted = |level: usize, from: i64, to: i64| -> i64 {
            let of_level = |b: &Bucket| b.level == level as i32;
            let within = |b: &Bucket| (from..=to).contains(&b.number);
            let buckets = tally.buckets().filter(|(b, _)| of_level(b) && within(b));
            buckets.map(|(_, branches)| branches).sum()
        };
        let near = scores
            .iter()
            .filter(|s| **s != 0 && **s > mine && **s <= (mine | 63))
            .count() as i64;
        let above = near
            + counted(0, (mine >> 6) + 1, (mine >> 6) | 127)
            + counted(1, (mine >> 13) + 1, (mine >> 13) | 127)
            + counted(2, (mine >> 20) + 1, i64::MAX);
        let nothing = scores.iter().filter(|s| **s == 0).count() as i64;
        1 + above + if mine < 0 { nothing } else { 0 }
    }

    proptest! {
        #[test]
        fn a_rank_is_one_more_than_those_who_have_more(
            scores in prop::collection::vec(
                prop_oneof![Just(0_i64), -300_i64..300, -20_000_i64..2_000_000, -1_i64 << 40..1 << 40],
                1..60,
            ),
            moved in prop::collection::vec((any::<prop::sample::Index>(), -5_000_i64..5_000), 0..40),
        ) {
            let period = Period::parse(PERIOD).unwrap();
            let points = Points::from_hundredths;
            let mut scores = scores;
            let mut tally = Tally::default();
            for score in &scores {
                tally.moved(period, Domain::Rural, Points::ZERO, points(*score));
            }
            for (which, by) in moved {
                let which = which.index(scores.len());
                let before = scores[which];
                scores[which] += by;
                tally.moved(period, Domain::Rural, points(before), points(scores[which]));
            }
            for mine in &scores {
                let more = scores.iter().filter(|score| *score > mine).count() as i64;
                prop_assert_eq!(rank(&tally, &scores, *mine), 1 + more);
            }
        }
    }

    #[test]
    fn what_stays_in_its_bucket_moves_nothing() {
        let mut tally = Tally::default();
        let period = Period::parse(PERIOD).unwrap();
        let points = Points::from_hundredths;
        tally.moved(period, Domain::Rural, points(1), points(63));
        assert_eq!(tally.buckets().count(), 0);
        tally.moved(period, Domain::Rural, points(63), points(64));
        let numbers: Vec<_> = tally
            .buckets()
            .map(|(b, n)| (b.domain, b.level, b.number, n))
            .collect();
        assert_eq!(numbers, [("RURAL", 0, 0, -1), ("RURAL", 0, 1, 1)]);
    }
}
