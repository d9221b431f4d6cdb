//! What the list holds, and that it is the same every time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::{directory, district, small};
use crate::{
    demo::BUSINESS_DATE,
    kernel::{clock::day_in_shanghai, points::Points, text},
    points::{Activity, Delivered, EntryKind},
    simulate::{Size, build, ndjson, record::Record},
};

#[test]
fn it_is_the_same_every_time() {
    assert!(&build(district(), Size::Small) == small());
    let mut lines = Vec::new();
    ndjson(small(), &mut lines).unwrap();
    assert_eq!(
        hex::encode(Sha256::digest(&lines)),
        "dc2b05d10afa03eaf44224f106aea7cd85445f60586bd9389baa3aae0681d5e6"
    );
}

#[test]
fn the_small_list_has_about_48_thousand_rows() {
    let rows = small().len();
    assert!((47_000..=49_000).contains(&rows), "{rows}");
    assert!(size_of::<Record>() <= 48);
}

/// Rows by what they tell of: the first and every further revision of each event.
fn events() -> HashMap<(EntryKind, u32), Vec<&'static Record>> {
    let mut events: HashMap<_, Vec<_>> = HashMap::new();
    for record in &small().records {
        events
            .entry((record.kind, record.number))
            .or_default()
            .push(record);
    }
    events
}

#[test]
fn it_holds_everything_that_can_go_wrong() {
    let list = small();
    let events = events();
    let earned = |number: u32| events.get(&(EntryKind::Earn, number));
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |what, holds: bool| *found.entry(what).or_default() += usize::from(holds);
    for ((kind, _), rows) in &events {
        let revisions: BTreeSet<u8> = rows.iter().map(|row| row.revision).collect();
        count("repeated", revisions.len() < rows.len());
        count("revised", revisions.len() > 1);
        count(
            "a later revision is listed first",
            !rows.iter().map(|row| row.revision).is_sorted(),
        );
        let months: BTreeSet<_> = rows
            .iter()
            .map(|row| row.happened_at().format("%m").to_string())
            .collect();
        count(
            "moved to another month",
            *kind == EntryKind::Earn && months.len() > 1,
        );
        let codes: BTreeSet<_> = rows.iter().map(|row| row.code).collect();
        count(
            "moved to another branch",
            *kind == EntryKind::Earn && codes.len() > 1,
        );
        if kind.answers() {
            let target = earned(rows[0].refers_to);
            let what = match kind {
                EntryKind::Reversal => (
                    "reversed",
                    "reversed before it is listed",
                    "reversed and never listed",
                ),
                _ => (
                    "corrected",
                    "corrected before it is listed",
                    "corrected and never listed",
                ),
            };
            count(what.0, true);
            count(
                what.1,
                target.is_some_and(|target| rows[0].place() < target[0].place()),
            );
            count(what.2, target.is_none());
        }
    }
    let merged: BTreeSet<_> = district()
        .branches
        .iter()
        .filter(|row| row.successor_id.is_some())
        .map(|row| row.id)
        .collect();
    let names = directory();
    let own = |row: &Record| {
        let day = day_in_shanghai(row.happened_at());
        names
            .holder(list.code(row), day)
            .map(|id| (id, names.code_of(id) == Some(list.code(row))))
    };
    for row in list.records.iter().filter(|row| row.kind == EntryKind::Earn) {
        let ahead = day_in_shanghai(row.happened_at()) > BUSINESS_DATE;
        count("dated ahead", ahead);
        count(
            "of the year before",
            day_in_shanghai(row.happened_at()).format("%Y").to_string() == "2021",
        );
        let weeks = (row.updated_at() - row.happened_at()).num_days() >= 14;
        count("listed weeks later", weeks);
        match own(row) {
            None => {
                count("under an unknown code", true);
                let code = list.code(row);
                count("under a code given up", code.starts_with("XM-HC-0"));
                count("before its branch was founded", code.starts_with("HC-0"));
            }
            Some((branch, own)) => {
                count("under an alias", !own);
                count(
                    "under an alias of this source",
                    list.code(row).starts_with("EJIA-"),
                );
                count("of a merged branch", merged.contains(&branch));
            }
        }
    }
    let expected = [
        ("repeated", 500),
        ("revised", 500),
        ("a later revision is listed first", 60),
        ("moved to another month", 80),
        ("moved to another branch", 80),
        ("reversed", 500),
        ("reversed before it is listed", 100),
        ("reversed and never listed", 40),
        ("corrected", 500),
        ("corrected before it is listed", 50),
        ("dated ahead", 20),
        ("of the year before", 40),
        ("listed weeks later", 1000),
        ("under an unknown code", 150),
        ("under a code given up", 20),
        ("before its branch was founded", 10),
        ("under an alias", 400),
        ("under an alias of this source", 100),
        ("of a merged branch", 50),
    ];
    for (what, least) in expected {
        assert!(found[what] >= least, "{what}: {}", found[what]);
    }
    // A branch has one ledger: what waits for good stays little.
    assert_eq!(found["corrected and never listed"], 0);
}

#[test]
fn one_key_has_one_content() {
    let mut contents: HashMap<(String, i32), Delivered> = HashMap::new();
    for entry in small().delivered() {
        let key = (entry.event_id.clone(), entry.revision);
        let first = contents.entry(key).or_insert_with(|| entry.clone());
        assert_eq!(*first, entry);
    }
}

#[test]
fn every_row_is_plausible() {
    let small = small();
    assert!(small.records.is_sorted_by_key(Record::place));
    let days = |row: &Record| {
        (
            day_in_shanghai(row.happened_at()),
            day_in_shanghai(row.updated_at()),
        )
    };
    let mut activities = BTreeSet::new();
    let mut ties = 0;
    for (row, next) in small.records.iter().zip(&small.records[1..]) {
        ties += usize::from(row.updated_at == next.updated_at);
        let (happened, listed) = days(row);
        assert!(
            listed <= BUSINESS_DATE && listed.format("%Y").to_string().as_str() >= "2021",
            "{row:?}"
        );
        assert!(happened != BUSINESS_DATE, "{row:?}: its day is still running");
        let points = row.points().hundredths().abs();
        assert!((50..=1150).contains(&points), "{row:?}");
        activities.insert(row.activity);
    }
    assert!(ties > 100, "{ties}: a cursor needs ids to tell these apart");
    assert_eq!(activities.len(), Activity::ALL.len());
    // Codes are what the service makes of them, and nothing looks like a person's number.
    for code in &small.codes {
        assert_eq!(text::code(code).as_deref(), Ok(code.as_str()));
        assert_eq!(text::find_sensitive(code), None, "{code}");
    }
    let two_decimals = small
        .delivered()
        .filter(|entry| entry.points != Points::from_hundredths(entry.points.hundredths() / 10 * 10));
    assert!(two_decimals.count() > 3000);
}
