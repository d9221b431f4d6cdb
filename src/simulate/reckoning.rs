//! What the list's events come to, by the rules of docs/domain.md, 14, applied to all rows at once: the platform's own
//! view of its totals.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    codes::Directory,
    record::{List, Record},
};
use crate::{
    kernel::{clock::day_in_shanghai, id::BranchId, period::Period, points::Points},
    points::{Activity, EntryKind},
};

/// An EARN event as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Whose it is; none where nobody has the code on that day.
    pub branch: Option<BranchId>,
    /// The code it is listed under.
    pub code: &'a str,
    /// What was done.
    pub activity: Activity,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// What it is worth; zero once it is reversed.
    pub value: Points,
    /// Whether a reversal names it.
    pub reversed: bool,
}

/// All EARN events of a list as they stand.
pub struct Reckoning<'a> {
    /// In no particular order.
    pub events: Vec<Event<'a>>,
}

impl<'a> Reckoning<'a> {
    /// Reckons up a list.
    pub fn of(list: &'a List, directory: &Directory) -> Self {
        let mut greatest: HashMap<(EntryKind, u32), &Record> = HashMap::new();
        for record in &list.records {
            let slot = greatest.entry((record.kind, record.number)).or_insert(record);
            if slot.revision < record.revision {
                *slot = record;
            }
        }
        let mut reversed: HashSet<u32> = HashSet::new();
        let mut corrected: HashMap<u32, &Record> = HashMap::new();
        for (&(kind, _), &record) in &greatest {
            match kind {
                EntryKind::Reversal => drop(reversed.insert(record.refers_to)),
                EntryKind::Correction => {
                    let slot = corrected.entry(record.refers_to).or_insert(record);
                    let order =
                        |record: &Record| (record.happened_at, list.event_no(record), record.revision);
                    if order(slot) < order(record) {
                        *slot = record;
                    }
                }
                _ => {}
            }
        }
        let earned = greatest.values().filter(|record| record.kind == EntryKind::Earn);
        let events = earned.map(|record| {
            let reversed = reversed.contains(&record.number);
            let corrected = corrected.get(&record.number);
            let code = list.code(record);
            Event {
                branch: directory.holder(code, day_in_shanghai(record.happened_at())),
                code,
                activity: record.activity,
                happened_at: record.happened_at(),
                value: match (reversed, corrected) {
                    (true, _) => Points::ZERO,
                    (false, Some(correction)) => correction.points(),
                    (false, None) => record.points(),
                },
                reversed,
            }
        });
        Self {
            events: events.collect(),
        }
    }

    /// Totals of a month or year by code: of every branch, under its own code, what it earned itself and not what those
    /// did that were merged into it; of codes that nobody has, under these.
    pub fn totals(&self, directory: &'a Directory, period: Period) -> BTreeMap<&'a str, Points> {
        let mut totals: BTreeMap<&str, Points> = BTreeMap::new();
        for event in &self.events {
            let month = Period::month_of(event.happened_at);
            if period != month && period != month.year() {
                continue;
            }
            let own = event.branch.and_then(|branch| directory.code_of(branch));
            let total = totals.entry(own.unwrap_or(event.code)).or_default();
            *total = *total + event.value;
        }
        totals
    }
}
