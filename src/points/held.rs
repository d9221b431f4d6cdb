//! What waits and may be concerned by a batch: in the database already, or since this batch.

use std::{collections::HashMap, sync::Arc};

use super::{
    entry::{Judged, Reason, Waits},
    store::Waiting,
};
use crate::kernel::id::QuarantinedEntryId;

/// An entry that waits.
pub(super) struct Held {
    /// The entry.
    pub judged: Arc<Judged>,
    /// Its row, where it has one.
    pub row: Option<QuarantinedEntryId>,
    /// For what it waits.
    pub waits: Waits,
    /// It waited for something else before this batch.
    pub otherwise: bool,
    /// This batch booked it.
    pub booked: bool,
}

impl Held {
    fn of_row(row: Waiting) -> Option<Self> {
        Some(Self {
            judged: Arc::new(Judged::of_payload(row.payload, row.content)?),
            row: Some(row.id),
            waits: Waits::because(row.reason, ""),
            otherwise: false,
            booked: false,
        })
    }

    /// Since this batch: what it waits for is to be written.
    fn of_batch(judged: Arc<Judged>, waits: Waits) -> Self {
        Self {
            judged,
            row: None,
            waits,
            otherwise: false,
            booked: false,
        }
    }

    /// It waits for this now: what it waited for may have come, and more be missing.
    fn wait_for(&mut self, waits: Waits) {
        if self.waits.reason != waits.reason {
            self.otherwise = true;
            self.waits = waits;
        }
    }
}

/// All that waits, the earliest received first, and how it is found.
#[derive(Default)]
pub(super) struct HeldEntries {
    all: Vec<Held>,
    by_content: HashMap<String, usize>,
    by_key: HashMap<(String, i32), Vec<usize>>,
    by_reference: HashMap<String, Vec<usize>>,
}

impl HeldEntries {
    /// Those of the database, in the order in which they came.
    pub fn of_rows(rows: Vec<Waiting>) -> Self {
        let mut held = Self::default();
        for row in rows.into_iter().filter_map(Held::of_row) {
            held.put(row);
        }
        held
    }

    fn put(&mut self, held: Held) {
        let at = self.all.len();
        self.by_content.insert(held.judged.content.clone(), at);
        // The key of an invalid entry means nothing.
        if held.waits.reason != Reason::InvalidField {
            self.by_key.entry(held.judged.key()).or_default().push(at);
            if let Some(named) = &held.judged.entry.refers_to {
                self.by_reference.entry(named.clone()).or_default().push(at);
            }
        }
        self.all.push(held);
    }

    /// Keeps an entry, once, with what it waits for now.
    pub fn hold(&mut self, judged: &Arc<Judged>, waits: Waits) -> Reason {
        let reason = waits.reason;
        let same = self.by_content.get(&judged.content).copied();
        match same
            .and_then(|at| self.all.get_mut(at))
            .filter(|held| !held.booked)
        {
            Some(held) => held.wait_for(waits),
            None => self.put(Held::of_batch(judged.clone(), waits)),
        }
        reason
    }

    /// Of other contents under the same key, those that may have become bookable.
    pub fn rivals(&self, judged: &Judged) -> Vec<Arc<Judged>> {
        self.at(self.by_key.get(&judged.key()))
            .filter(|held| held.judged.content != judged.content)
            .filter(|held| {
                matches!(
                    held.waits.reason,
                    Reason::UnknownBranch | Reason::UnknownReference
                )
            })
            .map(|held| held.judged.clone())
            .collect()
    }

    /// What waits for an event.
    pub fn naming(&self, event_id: &str) -> Vec<Arc<Judged>> {
        self.at(self.by_reference.get(event_id))
            .filter(|held| held.waits.reason == Reason::UnknownReference)
            .map(|held| held.judged.clone())
            .collect()
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Held> {
        let places = places.into_iter().flatten();
        places
            .filter_map(|at| self.all.get(*at))
            .filter(|held| !held.booked)
    }

    /// An entry has been booked: it waits no longer, and no other content of its key can be booked.
    pub fn booked(&mut self, judged: &Judged) {
        let key = judged.key();
        let Some(places) = self.by_key.get(&key) else {
            return;
        };
        for at in places {
            let Some(held) = self.all.get_mut(*at).filter(|held| !held.booked) else {
                continue;
            };
            if held.judged.content == judged.content {
                held.booked = true;
            } else {
                let detail = format!("{} {}", key.0, key.1);
                held.wait_for(Waits::because(Reason::ConflictingRepeat, detail));
            }
        }
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.all.iter()
    }
}
