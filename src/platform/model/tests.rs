use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::kernel::id::{PointSourceId, PullRunId};

const STEP: TimeDelta = TimeDelta::seconds(1);

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn position(at: i64, id: u32) -> Position {
    Position {
        at: second(at),
        text: at.to_string(),
        id: id.to_string(),
    }
}

/// A platform: rows by (updated, id), some of which move to the end while it is read.
struct Platform {
    rows: Vec<(i64, u32)>,
    size: usize,
    /// Whether what was updated at the instant asked for is given too.
    inclusive: bool,
    says_more: bool,
}

impl Platform {
    fn page(&self, ask: &Ask, gait: Gait) -> (Vec<(i64, u32)>, Seen) {
        let mut rows = self.rows.clone();
        rows.sort_unstable();
        match &ask.since {
            None => {}
            Some(Since::Instant(at)) if self.inclusive => rows.retain(|row| second(row.0) >= *at),
            Some(Since::Instant(at)) => rows.retain(|row| second(row.0) > *at),
            Some(Since::Item(after)) => {
                let after = (after.text.parse().unwrap(), after.id.parse().unwrap());
                rows.retain(|row| *row > after);
            }
        }
        if let Gait::InstantAndPage(_, first) | Gait::Page(first) = gait {
            let skipped = usize::try_from(ask.page - first).unwrap() * self.size;
            rows.drain(..rows.len().min(skipped));
        }
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let seen = Seen {
            items: rows.len(),
            last: rows.last().map(|row| position(row.0, row.1)),
            more: self.says_more.then_some(more),
            print: std::hash::BuildHasher::hash_one(
                &std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default(),
                &rows,
            ),
        };
        (rows, seen)
    }
}

/// Walks to the end; `shifts` move a row each, between two pages. Gives the ids that were seen.
fn walk(platform: &mut Platform, gait: Gait, shifts: &[prop::sample::Index]) -> BTreeSet<u32> {
    let mut walk = Walk::begin(gait, Some(platform.size.try_into().unwrap()), None);
    let mut ids = BTreeSet::new();
    let mut now = 1_000;
    let mut shifts = shifts.iter();
    for _ in 0..1_000 {
        let (rows, seen) = platform.page(walk.ask(), gait);
        ids.extend(rows.into_iter().map(|(_, id)| id));
        if walk.took(&seen).unwrap() == Step::Done {
            return ids;
        }
        if let Some(shift) = shifts.next() {
            now += 1;
            let row = shift.index(platform.rows.len());
            platform.rows[row].0 = now;
        }
    }
    panic!("it does not end");
}

proptest! {
    #[test]
    fn whatever_moves_while_it_is_read_no_row_is_passed_over(
        instants in prop::collection::vec(0_i64..60, 1..80),
        size in 2_usize..12,
        shifts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        inclusive in any::<bool>(),
        says_more in any::<bool>(),
    ) {
        let rows: Vec<(i64, u32)> = instants.into_iter().zip(1..).collect();
        let all: BTreeSet<u32> = rows.iter().map(|row| row.1).collect();
        let mut platform = Platform { rows: rows.clone(), size, inclusive, says_more };
        prop_assert_eq!(&walk(&mut platform, Gait::Item, &shifts), &all);
        // By number, also within an instant that fills pages, only where nothing moves.
        for gait in [Gait::InstantAndPage(STEP, 0), Gait::InstantAndPage(STEP, 1), Gait::Page(1)] {
            let mut platform = Platform { rows: rows.clone(), size, inclusive, says_more };
            prop_assert_eq!(&walk(&mut platform, gait, &[]), &all, "{:?}", gait);
        }
    }

    #[test]
    fn nor_is_one_by_instants_that_do_not_fill_pages(
        count in 1_u32..80,
        size in 4_usize..12,
        inclusive in any::<bool>(),
        shifts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let rows: Vec<(i64, u32)> = (1..=count).map(|id| (id.into(), id)).collect();
        for gait in [Gait::Instant(STEP), Gait::InstantAndPage(STEP, 1)] {
            let mut platform = Platform { rows: rows.clone(), size, inclusive, says_more: true };
            let seen = walk(&mut platform, gait, &shifts);
            prop_assert_eq!(seen, (1..=count).collect::<BTreeSet<u32>>(), "{:?}", gait);
        }
    }

    #[test]
    fn the_further_position_is_never_the_earlier(a in 0_i64..5, b in 0_i64..5) {
        let (a, b) = (position(a, 1), position(b, 2));
        let further = further(Some(a.clone()), Some(b.clone())).unwrap();
        prop_assert!(further.at >= a.at && further.at >= b.at);
        // At one instant the later one in the answer.
        prop_assert_eq!(further.id == "2", b.at >= a.at);
    }

    #[test]
    fn waits_grow_to_a_bound_and_end_with_the_budget(
        budget in 0_u32..40,
        first in 1_u64..5_000,
        jitter in 0.0_f64..1.0,
    ) {
        let first = Duration::from_millis(first);
        let mut retries = Retries::new(budget, first);
        let mut longest = first;
        for _ in 0..budget {
            let wait = retries.again(&PullFault::Timeout, None, jitter).unwrap();
            prop_assert!(wait <= longest.min(LONGEST_WAIT));
            longest = longest.saturating_mul(2);
        }
        prop_assert_eq!(retries.again(&PullFault::Timeout, None, jitter), None);
    }
}

#[test]
fn a_platform_that_stands_still_is_asked_a_few_times_more() {
    let page = |last: Option<Position>, more, print| Seen {
        items: 2,
        last,
        more,
        print,
    };
    let first = page(Some(position(1, 1)), Some(true), 1);
    let mut walk = Walk::begin(Gait::Item, None, Some(second(0)));
    assert_eq!(walk.took(&first), Ok(Step::Next));
    let ask = walk.ask().clone();
    for _ in 0..2 {
        assert_eq!(walk.took(&first), Ok(Step::Next));
        assert_eq!(walk.ask(), &ask);
    }
    assert_eq!(walk.took(&first), Err(PullFault::Stuck));

    // Says that more follow, and gives nothing.
    let nothing = Seen {
        items: 0,
        last: None,
        more: Some(true),
        print: 0,
    };
    assert_eq!(
        Walk::begin(Gait::Page(1), None, None).took(&nothing),
        Err(PullFault::Stuck)
    );
    let mut walk = Walk::begin(Gait::Item, None, None);
    assert_eq!(walk.took(&page(None, Some(true), 1)), Err(PullFault::NoPosition));

    // Gives its last page for every number beyond it.
    let mut walk = Walk::begin(Gait::Page(1), Some(2), None);
    assert_eq!(walk.took(&page(None, None, 1)), Ok(Step::Next));
    assert_eq!(walk.took(&page(None, None, 2)), Ok(Step::Next));
    assert_eq!(walk.took(&page(None, None, 2)), Ok(Step::Next));
    assert_eq!(walk.took(&page(None, None, 2)), Ok(Step::Done));
}

#[test]
fn requests_are_made_again_only_where_that_may_help() {
    let mut retries = Retries::new(100, Duration::from_secs(1));
    for fault in [
        PullFault::Timeout,
        PullFault::Unreachable,
        PullFault::TooManyRequests,
        PullFault::Status { status: 500 },
        PullFault::Status { status: 503 },
    ] {
        assert!(retries.again(&fault, None, 0.5).is_some(), "{fault}");
    }
    for fault in [
        PullFault::Status { status: 404 },
        PullFault::Unauthorized,
        PullFault::NotJson,
        PullFault::Redirected,
        PullFault::PrivateAddress,
        PullFault::Stuck,
    ] {
        assert_eq!(retries.again(&fault, None, 0.5), None, "{fault}");
    }
    // Never sooner than the platform asks for; and not at all where that is long.
    let mut retries = Retries::new(100, Duration::from_secs(1));
    let fault = PullFault::TooManyRequests;
    let asked = Some(Duration::from_secs(7));
    assert_eq!(retries.again(&fault, asked, 0.0), asked);
    assert!(retries.again(&fault, asked, 1.0) > asked);
    assert_eq!(retries.again(&fault, Some(Duration::from_secs(31)), 0.0), None);
    retries.went_well();
    assert_eq!(retries.again(&fault, None, 1.0), Some(Duration::from_secs(1)));
}

#[test]
fn a_source_backs_off_opens_its_circuit_and_closes_it_again() {
    let pace = Pace {
        every: Duration::from_secs(600),
        failures: 3,
        cool_down: Duration::from_secs(300),
    };
    let fault = PullFault::Timeout;
    let mut rest = Pulled::new(PointSourceId(1), second(0)).rest;
    let mut seen = Vec::new();
    for _ in 0..9 {
        rest = pace.after(rest, Some(&fault), None, second(0), 1.0);
        seen.push((rest.state.as_str(), (rest.next_pull_at - second(0)).num_seconds()));
    }
    assert_eq!(
        seen,
        [
            ("BACKING_OFF", 30),
            ("BACKING_OFF", 60),
            ("OPEN_CIRCUIT", 300),
            ("OPEN_CIRCUIT", 600),
            ("OPEN_CIRCUIT", 1200),
            ("OPEN_CIRCUIT", 2400),
            ("OPEN_CIRCUIT", 3600),
            ("OPEN_CIRCUIT", 3600),
            ("OPEN_CIRCUIT", 3600),
        ]
    );
    // What is nobody's fault changes nothing of that.
    for fault in [
        PullFault::Paused,
        PullFault::Frozen,
        PullFault::Stopped,
        PullFault::BrokenOff,
    ] {
        let after = pace.after(rest, Some(&fault), None, second(9), 1.0);
        assert_eq!(
            (after.state, after.failures, after.next_pull_at),
            (rest.state, rest.failures, second(9))
        );
    }
    let after = pace.after(rest, Some(&PullFault::Storage), None, second(9), 1.0);
    assert_eq!(
        (after.state, after.failures, after.next_pull_at),
        (rest.state, rest.failures, second(39))
    );
    let well = pace.after(rest, None, None, second(0), 1.0);
    assert_eq!(
        (well.state, well.failures, well.next_pull_at),
        (SourceState::Idle, 0, second(600))
    );
    // It is left alone for as long as it asks for, within bounds.
    let asked = |seconds| {
        let rest = pace.after(
            well,
            Some(&fault),
            Some(Duration::from_secs(seconds)),
            second(0),
            0.0,
        );
        (rest.next_pull_at - second(0)).num_seconds()
    };
    assert_eq!((asked(0), asked(900), asked(1_000_000)), (0, 900, 3600));
}

#[test]
fn a_run_begins_before_the_position_and_further_back_once_a_day() {
    let mut pulled = Pulled::new(PointSourceId(1), second(0));
    let overlap = Duration::from_secs(600);
    assert_eq!(pulled.begins_at(overlap, Reread::Days(7)), None);
    pulled.position = Some(position(1_000_000, 1));
    let begins = |pulled: &Pulled, reread| pulled.begins_at(overlap, reread).unwrap();
    assert_eq!(begins(&pulled, Reread::No), second(1_000_000 - 600));
    assert_eq!(begins(&pulled, Reread::Days(7)), second(1_000_000 - 7 * 86_400));
    pulled.reread_from = Some(second(5));
    assert_eq!(begins(&pulled, Reread::No), second(5));
    pulled.reread_from = Some(second(2_000_000));
    assert_eq!(begins(&pulled, Reread::No), second(1_000_000 - 600));

    let now = second(0);
    assert_eq!(pulled.rereads(7, now), Reread::Days(7));
    assert_eq!(pulled.rereads(0, now), Reread::No);
    pulled.reread_on = Some(crate::kernel::clock::day_in_shanghai(now));
    assert_eq!(pulled.rereads(7, now), Reread::No);
    assert_eq!(pulled.rereads(7, second(86_400)), Reread::Days(7));
}

#[test]
fn what_a_source_is_doing_follows_from_what_is_kept_of_it() {
    let mut pulled = Pulled::new(PointSourceId(1), second(10));
    assert_eq!(
        (
            pulled.state(),
            pulled.is_due(second(9)),
            pulled.is_due(second(10))
        ),
        (SourceState::Idle, false, true)
    );
    pulled.run = Some(PullRunId(1));
    assert_eq!(
        (pulled.state(), pulled.is_due(second(9))),
        (SourceState::Pulling, true)
    );
    pulled.paused = true;
    assert_eq!(
        (pulled.state(), pulled.is_due(second(99))),
        (SourceState::Paused, false)
    );
}
