//! Which events a batch concerns: it locks them before it reads what decides about them.

use std::collections::BTreeSet;

use super::{
    entry::Judged,
    model::{EntryKind, Line},
    store::Waiting,
};

/// An event's name within its source.
pub(super) type EventKey = (String, EntryKind);

/// The events that a batch concerns.
#[derive(Default)]
pub(super) struct Concerned {
    /// Those of which it may book an entry: that are delivered, and that wait for one of these.
    bookable: BTreeSet<EventKey>,
    /// Those that their entries name, or named so far. They decide about these, and nothing of them is booked.
    named: BTreeSet<EventKey>,
}

impl Concerned {
    /// By what is delivered.
    pub fn by<'a>(entries: impl IntoIterator<Item = &'a Judged>) -> Self {
        let mut concerned = Self::default();
        for judged in entries {
            let entry = &judged.entry;
            let named = entry.refers_to.clone().map(|name| (name, EntryKind::Earn));
            concerned.bookable.insert((entry.event_id.clone(), entry.kind));
            concerned.named.extend(named);
        }
        concerned
    }

    /// Those of which an entry may be booked.
    pub fn bookable(&self) -> &BTreeSet<EventKey> {
        &self.bookable
    }

    /// All of them.
    pub fn all(&self) -> BTreeSet<EventKey> {
        self.bookable.union(&self.named).cloned().collect()
    }

    /// Adds what waits for these events, and what answers among them named so far; gives what was not concerned before.
    pub fn add(&mut self, held: &[Waiting], events: &[Line]) -> BTreeSet<EventKey> {
        let before = self.all();
        for row in held {
            let Some((event, named)) = row.keys() else {
                continue;
            };
            self.bookable.insert(event);
            self.named.extend(named);
        }
        let named = events.iter().filter_map(|line| line.refers_to.clone());
        self.named.extend(named.map(|name| (name, EntryKind::Earn)));
        self.all().difference(&before).cloned().collect()
    }
}
