use std::collections::BTreeMap;

use proptest::{prelude::*, sample::subsequence};

use super::*;

fn at(day: u32) -> DateTime<Utc> {
    // Days of several months.
    let text = format!("2022-{:02}-{:02}T04:00:00Z", 1 + day / 28, 1 + day % 28);
    text.parse().unwrap()
}

fn line(event_id: &str, revision: i32, kind: EntryKind) -> Line {
    Line {
        event_id: event_id.to_owned(),
        revision,
        kind,
        branch: BranchId(1),
        points: Points::from_hundredths(500),
        occurred_at: at(0),
        refers_to: None,
    }
}

fn earn(event_id: &str, hundredths: i64) -> Line {
    Line {
        points: Points::from_hundredths(hundredths),
        ..line(event_id, 1, EntryKind::Earn)
    }
}

fn answer(kind: EntryKind, event_id: &str, target: &str) -> Line {
    Line {
        refers_to: Some(target.to_owned()),
        ..line(event_id, 1, kind)
    }
}

fn correction(event_id: &str, target: &str, hundredths: i64, day: u32) -> Line {
    Line {
        points: Points::from_hundredths(hundredths),
        occurred_at: at(day),
        ..answer(EntryKind::Correction, event_id, target)
    }
}

fn amounts(effects: &[Effect]) -> Vec<(i64, i64)> {
    let postings = effects.iter().flat_map(Effect::postings);
    postings.map(|p| (p.branch.0, p.amount.hundredths())).collect()
}

#[test]
fn an_event_is_worth_its_points_until_it_is_corrected_or_reversed() {
    let mut book = Book::default();
    assert_eq!(amounts(&book.book(earn("e", 500)).unwrap()), [(1, 500)]);
    assert_eq!(
        amounts(&book.book(correction("c", "e", 300, 5)).unwrap()),
        [(1, -200)]
    );
    // The latest correction counts, not the one that came last.
    assert_eq!(book.book(correction("b", "e", 900, 4)).unwrap(), []);
    // Of one day, the greater name's.
    assert_eq!(
        amounts(&book.book(correction("d", "e", 400, 5)).unwrap()),
        [(1, 100)]
    );
    assert_eq!(
        amounts(&book.book(answer(EntryKind::Reversal, "r", "e")).unwrap()),
        [(1, -400)]
    );
    // Reversed is reversed, once more or corrected later.
    assert_eq!(book.book(answer(EntryKind::Reversal, "s", "e")).unwrap(), []);
    assert_eq!(book.book(correction("z", "e", 100, 9)).unwrap(), []);
}

#[test]
fn a_reference_that_names_no_earn_event_waits() {
    let mut book = Book::default();
    let reversal = answer(EntryKind::Reversal, "r", "e");
    assert_eq!(book.book(reversal.clone()), Err(UnknownReference));
    book.book(earn("e", 500)).unwrap();
    book.book(reversal).unwrap();
    // A reversal of a reversal, and of nothing.
    assert_eq!(
        book.book(answer(EntryKind::Reversal, "q", "r")),
        Err(UnknownReference)
    );
    assert_eq!(
        book.book(line("p", 1, EntryKind::Correction)),
        Err(UnknownReference)
    );
}

#[test]
fn a_revision_moves_its_event_to_another_branch_or_month() {
    let mut book = Book::of([earn("e", 500)]);
    let moved = Line {
        revision: 3,
        branch: BranchId(2),
        ..earn("e", 700)
    };
    let effects = book.book(moved.clone()).unwrap();
    assert_eq!(amounts(&effects), [(1, -500), (2, 700)]);
    let january = Period::parse("2022-01").unwrap();
    assert_eq!(
        effects[0].counts(),
        [((BranchId(1), january), -1), ((BranchId(2), january), 1)]
    );
    // An earlier revision that comes late is kept and changes nothing.
    let late = Line {
        revision: 2,
        ..earn("e", 900)
    };
    assert_eq!(book.book(late).unwrap(), []);
    let later = Line {
        revision: 4,
        occurred_at: at(40),
        ..moved.clone()
    };
    assert_eq!(amounts(&book.book(later).unwrap()), [(2, -700), (2, 700)]);
    // Another day of the same month: nothing to post.
    let same_month = Line {
        revision: 5,
        occurred_at: at(41),
        ..moved
    };
    let effects = book.book(same_month).unwrap();
    assert_eq!((amounts(&effects), effects[0].counts()), (vec![], vec![]));
}

#[test]
fn a_later_revision_of_an_answer_may_name_another_event() {
    let mut book = Book::of([earn("e", 500), earn("f", 300)]);
    book.book(answer(EntryKind::Reversal, "r", "e")).unwrap();
    let other = Line {
        revision: 2,
        ..answer(EntryKind::Reversal, "r", "f")
    };
    assert_eq!(amounts(&book.book(other).unwrap()), [(1, 500), (1, -300)]);
}

/// Entries of few events, many of which meet: no two with one key.
fn entries() -> impl Strategy<Value = Vec<Line>> {
    let one = (
        0..5_u32,
        1..4_i32,
        0..4_u32,
        1..4_i64,
        -900..900_i64,
        0..120_u32,
        0..6_u32,
    );
    prop::collection::vec(one, 1..40).prop_map(|drawn| {
        let lines = drawn
            .into_iter()
            .map(|(event, revision, kind, branch, hundredths, day, target)| {
                let kind = match kind {
                    0 | 1 => EntryKind::Earn,
                    2 => EntryKind::Reversal,
                    _ => EntryKind::Correction,
                };
                // Mostly events of one kind have their own names; sometimes a name is shared.
                let name = match kind {
                    EntryKind::Earn => format!("e{event}"),
                    EntryKind::Reversal if event > 0 => format!("r{event}"),
                    EntryKind::Correction if event > 0 => format!("c{event}"),
                    _ => "e0".to_owned(),
                };
                Line {
                    event_id: name,
                    revision,
                    kind,
                    branch: BranchId(branch),
                    points: Points::from_hundredths(hundredths),
                    occurred_at: at(day),
                    refers_to: kind.answers().then(|| match target {
                        5 => "r1".to_owned(),
                        n => format!("e{n}"),
                    }),
                }
            });
        let mut by_key = BTreeMap::new();
        for line in lines {
            by_key
                .entry((line.event_id.clone(), line.revision))
                .or_insert(line);
        }
        by_key.into_values().collect()
    })
}

type Totals = BTreeMap<(BranchId, Period), (i64, i64)>;

/// Totals as the rules say them, of all entries at once: neither order nor steps.
fn model(entries: &[Line]) -> (Totals, BTreeSet<(String, i32)>) {
    let earned = |id: &str| {
        entries
            .iter()
            .any(|l| l.kind == EntryKind::Earn && l.event_id == id)
    };
    let waits = |l: &Line| l.kind.answers() && !earned(l.refers_to.as_deref().unwrap());
    let booked: Vec<&Line> = entries.iter().filter(|l| !waits(l)).collect();
    let counts = |l: &Line| {
        let same = |o: &&&Line| o.event_id == l.event_id && o.kind == l.kind;
        booked.iter().filter(same).all(|o| o.revision <= l.revision)
    };
    let mut totals = Totals::new();
    for earn in booked.iter().filter(|l| l.kind == EntryKind::Earn && counts(l)) {
        let naming = |kind| {
            let names = move |l: &&&Line| l.kind == kind && l.refers_to.as_ref() == Some(&earn.event_id);
            booked.iter().filter(names).filter(|l| counts(l))
        };
        let mut corrections: Vec<_> = naming(EntryKind::Correction).collect();
        corrections.sort_by_key(|l| (l.occurred_at, l.event_id.clone(), l.revision));
        let value = match (naming(EntryKind::Reversal).next(), corrections.last()) {
            (Some(_), _) => 0,
            (None, Some(correction)) => correction.points.hundredths(),
            (None, None) => earn.points.hundredths(),
        };
        let total = totals
            .entry((earn.branch, Period::month_of(earn.occurred_at)))
            .or_default();
        *total = (total.0 + value, total.1 + 1);
    }
    let waiting = entries.iter().filter(|l| waits(l));
    (
        totals,
        waiting.map(|l| (l.event_id.clone(), l.revision)).collect(),
    )
}

/// Books entries one after the other, each as often as it comes, and those that wait as soon as they can be.
fn deliver(entries: &[Line]) -> (Totals, BTreeSet<(String, i32)>) {
    let mut book = Book::default();
    let mut totals = Totals::new();
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<Line> = Vec::new();
    for line in entries {
        if !seen.insert((line.event_id.clone(), line.revision)) {
            continue;
        }
        waiting.push(line.clone());
        loop {
            let before = waiting.len();
            waiting.retain(|line| match book.book(line.clone()) {
                Err(UnknownReference) => true,
                Ok(effects) => {
                    for effect in effects {
                        for posting in effect.postings() {
                            let place = (posting.branch, Period::month_of(posting.counted_at));
                            totals.entry(place).or_default().0 += posting.amount.hundredths();
                        }
                        for (place, events) in effect.counts() {
                            totals.entry(place).or_default().1 += events;
                        }
                    }
                    false
                }
            });
            if waiting.len() == before {
                break;
            }
        }
    }
    totals.retain(|_, total| *total != (0, 0));
    (
        totals,
        waiting.iter().map(|l| (l.event_id.clone(), l.revision)).collect(),
    )
}

proptest! {
    #[test]
    fn the_order_and_number_of_deliveries_never_change_totals_or_what_waits(
        (entries, orders) in entries().prop_flat_map(|entries| {
            let n = entries.len();
            let again = subsequence(entries.clone(), 0..=n);
            let orders = prop::collection::vec(
                again.prop_flat_map({
                    let entries = entries.clone();
                    move |again| Just([entries.clone(), again].concat()).prop_shuffle()
                }),
                3,
            );
            (Just(entries), orders)
        })
    ) {
        let expected = model(&entries);
        prop_assert_eq!(&deliver(&entries), &expected);
        for order in orders {
            prop_assert_eq!(&deliver(&order), &expected);
        }
    }
}
