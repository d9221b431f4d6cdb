//! Booking what an adapter delivers: each entry is booked, found booked already, or kept in quarantine, on its own.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    entry::{Delivered, Judged, Reason, Waits},
    model::{Book, Effect, EntryKind, Line},
    store::{self, Event, Moves, NewEntry, Waiting},
};
use crate::{
    audit::AuditRecord,
    branch,
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, PointEventId, PointSourceId, QuarantinedEntryId},
    },
    live::change::{Action, Change, Topic},
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// Entries of one source, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Push {
    /// Whose entries.
    pub source: PointSourceId,
    /// Its code, by which branches have aliases.
    pub source_code: String,
    /// The entries.
    pub entries: Vec<Delivered>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Booked.
    Accepted,
    /// The same is booked already.
    Duplicate,
    /// Kept, and why.
    Quarantined(Reason),
}

/// Books entries, all in one transaction; gives what became of each.
pub async fn push(write: &mut Write<'_>, input: &Push) -> Result<Vec<Outcome>, Failure> {
    let now = write.clock().business();
    let judged: Vec<Judged> = input.entries.iter().map(|entry| entry.judge(now)).collect();
    let mut batch = Batch::open(write, input, &judged).await?;
    let outcomes = judged.iter().map(|judged| batch.take(judged)).collect();
    batch.write(write).await?;
    Ok(outcomes)
}

/// What a batch needs to know, and what it comes to.
struct Batch {
    source: PointSourceId,
    book: Book,
    rows: HashMap<(String, EntryKind), PointEventId>,
    /// By code, who holds it when.
    holders: Holders,
    /// The contents booked under the keys of the batch's events.
    booked: HashMap<(String, i32), String>,
    /// What waits and may be concerned, the earliest received first.
    held: Vec<Held>,
    new: Vec<New>,
}

/// An entry that waits, in the database already or since this batch.
struct Held {
    judged: Judged,
    row: Option<QuarantinedEntryId>,
    waits: Waits,
    /// It waited for something else before.
    conflicts_now: bool,
    booked: bool,
}

/// An entry that this batch books.
struct New {
    judged: Judged,
    branch: BranchId,
    effects: Vec<Effect>,
}

impl Batch {
    /// Locks the events that a batch books or names, and reads what decides about them.
    async fn open(write: &Write<'_>, input: &Push, judged: &[Judged]) -> Result<Self, StoreError> {
        // A merger adds up totals; it must not miss what is being posted meanwhile.
        write.lock_shared(super::MERGERS, "").await?;
        let source = input.source;
        let candidates: Vec<&Judged> = judged.iter().filter(|judged| !judged.is_invalid()).collect();
        let mut events = store::lock_events(write, source, &keys(candidates.iter().copied())).await?;

        let connection = write.connection();
        let named: BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        let held: Vec<Held> = store::waiting(connection, source, &named)
            .await?
            .into_iter()
            .filter_map(Held::of_row)
            .collect();
        // Entries that wait for these events have events of their own; and an answer may have named another one so far.
        let known: BTreeSet<(String, EntryKind)> = events
            .iter()
            .map(|event| (event.event_id.clone(), event.kind))
            .collect();
        let mut more: BTreeSet<_> = keys(held.iter().map(|held| &held.judged))
            .difference(&known)
            .cloned()
            .collect();
        more.extend(earlier_targets(&events).filter(|key| !known.contains(key)));
        if !more.is_empty() {
            let found = store::lock_events(write, source, &more).await?;
            // At most one step further: an earlier target names nothing itself.
            let further: BTreeSet<_> = earlier_targets(&found)
                .filter(|key| !known.contains(key) && !more.contains(key))
                .collect();
            events.extend(found);
            events.extend(store::lock_events(write, source, &further).await?);
        }

        let earned = events.iter().filter(|event| event.kind == EntryKind::Earn);
        let answers =
            store::answers_to(connection, source, earned.map(|event| event.event_id.as_str())).await?;
        let names = events.iter().map(|event| event.event_id.as_str());
        let booked = store::booked(connection, source, names).await?;
        let codes: BTreeSet<&str> = candidates
            .iter()
            .map(|judged| judged.entry.branch_code.as_str())
            .chain(held.iter().map(|held| held.judged.entry.branch_code.as_str()))
            .collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let holders = branch::code_holders(connection, &input.source_code, &codes).await?;
        let rows = events
            .iter()
            .map(|event| ((event.event_id.clone(), event.kind), event.id))
            .collect();
        let greatest = events.into_iter().filter_map(|event| event.greatest);
        Ok(Self {
            source,
            book: Book::of(greatest.chain(answers)),
            rows,
            holders,
            booked,
            held,
            new: Vec::new(),
        })
    }

    /// Books an entry, or holds it.
    fn take(&mut self, judged: &Judged) -> Outcome {
        if judged.is_invalid() {
            return self.hold(judged, judged.waits.clone());
        }
        if judged.waits.is_none() {
            self.book_earlier(judged);
        }
        let key = judged.key();
        match self.booked.get(&key) {
            Some(content) if *content == judged.content => return Outcome::Duplicate,
            Some(_) => {
                let detail = format!("{} {}", key.0, key.1);
                return self.hold(judged, Some(Waits::because(Reason::ConflictingRepeat, detail)));
            }
            None if judged.waits.is_some() => return self.hold(judged, judged.waits.clone()),
            None => {}
        }
        match self.book(judged) {
            Ok(()) => Outcome::Accepted,
            Err(waits) => self.hold(judged, Some(waits)),
        }
    }

    /// Of several contents under one key the one that was received first is booked: one that waits may have become bookable
    /// since.
    fn book_earlier(&mut self, judged: &Judged) {
        let key = judged.key();
        let waiting: Vec<Judged> = self
            .held
            .iter()
            .filter(|held| {
                !held.booked && held.judged.content != judged.content && held.judged.same_key(judged)
            })
            .filter(|held| {
                matches!(
                    held.waits.reason,
                    Reason::UnknownBranch | Reason::UnknownReference
                )
            })
            .map(|held| held.judged.clone())
            .collect();
        for earlier in waiting {
            if self.booked.contains_key(&key) || self.book(&earlier).is_ok() {
                return;
            }
        }
    }

    /// Keeps an entry with its reason; one that is held already stays as it is.
    fn hold(&mut self, judged: &Judged, waits: Option<Waits>) -> Outcome {
        let same = |held: &&Held| !held.booked && held.judged.content == judged.content;
        if let Some(held) = self.held.iter().find(same) {
            return Outcome::Quarantined(held.waits.reason);
        }
        let waits = waits.unwrap_or_else(|| Waits::because(Reason::InvalidField, ""));
        let reason = waits.reason;
        self.held.push(Held {
            judged: judged.clone(),
            row: None,
            waits,
            conflicts_now: false,
            booked: false,
        });
        Outcome::Quarantined(reason)
    }

    /// Books an entry whose key is free, and then those that have waited for it.
    fn book(&mut self, judged: &Judged) -> Result<(), Waits> {
        let entry = &judged.entry;
        let branch = self.branch_of(judged)?;
        let line = Line {
            event_id: entry.event_id.clone(),
            revision: entry.revision,
            kind: entry.kind,
            branch,
            points: entry.points,
            occurred_at: entry.occurred_at,
            refers_to: entry.refers_to.clone(),
        };
        let unknown = || {
            Waits::because(
                Reason::UnknownReference,
                entry.refers_to.clone().unwrap_or_default(),
            )
        };
        let effects = self.book.book(line).map_err(|_| unknown())?;
        let key = judged.key();
        for held in self
            .held
            .iter_mut()
            .filter(|held| !held.booked && held.judged.same_key(judged))
        {
            if held.judged.content == judged.content {
                held.booked = true;
            } else if held.waits.reason != Reason::InvalidField {
                held.conflicts_now = held.waits.reason != Reason::ConflictingRepeat;
                held.waits = Waits::because(Reason::ConflictingRepeat, format!("{} {}", key.0, key.1));
            }
        }
        self.booked.insert(key, judged.content.clone());
        self.new.push(New {
            judged: judged.clone(),
            branch,
            effects,
        });
        if entry.kind == EntryKind::Earn {
            self.book_answers(&entry.event_id);
        }
        Ok(())
    }

    fn book_answers(&mut self, event_id: &str) {
        let waiting: Vec<Judged> = self
            .held
            .iter()
            .filter(|held| !held.booked && held.waits.reason == Reason::UnknownReference)
            .filter(|held| held.judged.entry.refers_to.as_deref() == Some(event_id))
            .map(|held| held.judged.clone())
            .collect();
        for judged in waiting {
            // Another content of its key may have been booked a moment ago.
            if !self.booked.contains_key(&judged.key()) {
                let _ = self.book(&judged);
            }
        }
    }

    /// Whose points they are: of an answer, those of the event that it answers.
    fn branch_of(&self, judged: &Judged) -> Result<BranchId, Waits> {
        let entry = &judged.entry;
        if entry.kind.answers() {
            let target = entry.refers_to.as_deref().unwrap_or_default();
            return self
                .book
                .standing(target, EntryKind::Earn)
                .map(|standing| standing.branch)
                .ok_or_else(|| Waits::because(Reason::UnknownReference, target));
        }
        holder_on(&self.holders, entry)
            .ok_or_else(|| Waits::because(Reason::UnknownBranch, entry.branch_code.as_str()))
    }

    /// Writes what the batch came to.
    async fn write(self, write: &mut Write<'_>) -> Result<(), StoreError> {
        let received_at = write.clock().machine();
        let moves = self.moves(write).await?;
        let entries: Vec<NewEntry<'_>> = self
            .new
            .iter()
            .map(|new| NewEntry {
                judged: &new.judged,
                branch: new.branch,
                received_at,
                postings: new.effects.iter().flat_map(Effect::postings).collect(),
            })
            .collect();
        store::insert_entries(write, self.source, &entries).await?;
        let changed: BTreeSet<(String, EntryKind)> = keys_of_new(&self.new);
        let lines = changed.iter().filter_map(|key| {
            let line = self.book.greatest(&key.0, key.1)?;
            Some((*self.rows.get(key)?, line.clone()))
        });
        store::save_events(write, lines).await?;
        store::add_totals(write, &moves).await?;

        let waits = |held: &&Held| held.row.is_none() && !held.booked;
        let quarantined: Vec<(&Judged, Waits)> = self
            .held
            .iter()
            .filter(waits)
            .map(|held| (&held.judged, held.waits.clone()))
            .collect();
        store::quarantine(write, self.source, received_at, &quarantined).await?;
        let rows = |which: fn(&Held) -> bool| -> Vec<QuarantinedEntryId> {
            self.held
                .iter()
                .filter(|held| which(held))
                .filter_map(|held| held.row)
                .collect()
        };
        store::replayed(write, &rows(|held| held.booked)).await?;
        store::conflict(write, &rows(|held| !held.booked && held.conflicts_now)).await?;

        let moved: BTreeSet<BranchId> = moves.keys().map(|(branch, _)| *branch).collect();
        for branch in moved {
            write.change(Change::new(Topic::Points, Action::Updated, branch).branches([branch]));
        }
        write.audit(AuditRecord::new("pushPoints").after(json!({
            "sourceId": self.source.0,
            "accepted": self.new.len(),
            "quarantined": quarantined.len(),
        })));
        Ok(())
    }

    /// What is added to totals, also to those of the branches that a branch was merged into.
    async fn moves(&self, write: &Write<'_>) -> Result<Moves, StoreError> {
        let effects = || self.new.iter().flat_map(|new| &new.effects);
        let mut moves = Moves::new();
        for effect in effects() {
            for posting in effect.postings() {
                let month = crate::kernel::period::Period::month_of(posting.counted_at);
                let sum = &mut moves.entry((posting.branch, month)).or_default().0;
                *sum = *sum + posting.amount;
            }
            for (place, events) in effect.counts() {
                moves.entry(place).or_default().1 += events;
            }
        }
        let branches: BTreeSet<BranchId> = moves.keys().map(|(branch, _)| *branch).collect();
        let branches: Vec<BranchId> = branches.into_iter().collect();
        let successors = branch::successors(write.connection(), &branches).await?;
        let mut all = Moves::new();
        for ((branch, month), (amount, events)) in moves {
            let heirs = successors.get(&branch).into_iter().flatten().copied();
            for branch in std::iter::once(branch).chain(heirs) {
                for period in [month, month.year()] {
                    let total = all.entry((branch, period)).or_default();
                    *total = (total.0 + amount, total.1 + events);
                }
            }
        }
        all.retain(|_, (amount, events)| !amount.is_zero() || *events != 0);
        Ok(all)
    }
}

/// By code, who holds it when.
pub(super) type Holders = HashMap<String, Vec<(BranchId, branch::Holding)>>;

/// The branch that has the entry's code on the day of the event.
pub(super) fn holder_on(holders: &Holders, entry: &Delivered) -> Option<BranchId> {
    let day = day_in_shanghai(entry.occurred_at);
    let holds = |held: &branch::Holding| held.since <= day && held.until.is_none_or(|until| day <= until);
    let mut holders = holders.get(&entry.branch_code)?.iter();
    holders.find(|(_, held)| holds(held)).map(|(branch, _)| *branch)
}

impl Held {
    fn of_row(row: Waiting) -> Option<Self> {
        Some(Self {
            judged: Judged::of_payload(row.payload, row.content)?,
            row: Some(row.id),
            waits: Waits::because(row.reason, ""),
            conflicts_now: false,
            booked: false,
        })
    }
}

/// The events that entries belong to, and those that they name.
fn keys<'a>(entries: impl IntoIterator<Item = &'a Judged>) -> BTreeSet<(String, EntryKind)> {
    let mut keys = BTreeSet::new();
    for judged in entries {
        let entry = &judged.entry;
        keys.insert((entry.event_id.clone(), entry.kind));
        keys.extend(entry.refers_to.clone().map(|name| (name, EntryKind::Earn)));
    }
    keys
}

fn keys_of_new(new: &[New]) -> BTreeSet<(String, EntryKind)> {
    new.iter()
        .map(|new| (new.judged.entry.event_id.clone(), new.judged.entry.kind))
        .collect()
}

/// The events that answers named so far.
fn earlier_targets(events: &[Event]) -> impl Iterator<Item = (String, EntryKind)> + '_ {
    let named = |event: &Event| event.greatest.as_ref()?.refers_to.clone();
    events
        .iter()
        .filter_map(named)
        .map(|name| (name, EntryKind::Earn))
}
