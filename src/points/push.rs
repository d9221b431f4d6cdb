//! Booking what an adapter delivers: each entry is booked, found booked already, or kept in quarantine, on its own.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    concerned::Concerned,
    entry::{Delivered, Entry, Judged, Reason, Unreadable, Waits},
    held::HeldEntries,
    model::{Book, Effect, EntryKind, Line},
    store::{self, Kept, Moves, NewEntry},
};
use crate::{
    audit::AuditRecord,
    branch,
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, PointSourceId},
        text,
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
    pub entries: Vec<Entry>,
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
    let entries: Vec<Item> = input
        .entries
        .iter()
        .map(|entry| match entry {
            Entry::Delivered(entry) => Item::Judged(Arc::new(entry.judge(now))),
            Entry::Unreadable(row) => Item::Unreadable(row.clone()),
        })
        .collect();
    let mut batch = Batch::open(write, input, &entries).await?;
    let outcomes = entries.into_iter().map(|entry| batch.take(entry)).collect();
    let written = batch.write(write).await?;
    write.audit(AuditRecord::new("pushPoints").after(json!({
        "sourceId": input.source.0,
        "accepted": written.accepted,
        "quarantined": written.quarantined,
    })));
    Ok(outcomes)
}

/// One of a batch.
pub(super) enum Item {
    /// An entry.
    Judged(Arc<Judged>),
    /// A row that is none.
    Unreadable(Unreadable),
}

/// What a batch came to.
pub(super) struct BatchWritten {
    /// Entries that were booked.
    pub accepted: usize,
    /// Entries that are kept in quarantine since.
    pub quarantined: usize,
}

/// What a batch needs to know, and what it comes to.
pub(super) struct Batch {
    source: PointSourceId,
    book: Book,
    /// By code, who holds it when.
    holders: Holders,
    /// The contents booked under the keys of the batch's events.
    booked: HashMap<(String, i32), String>,
    held: HeldEntries,
    /// Contents that somebody has decided not to book, and for what they waited.
    discarded: HashMap<String, Reason>,
    unreadable: Vec<Unreadable>,
    new: Vec<New>,
}

/// An entry that this batch books.
struct New {
    judged: Arc<Judged>,
    branch: BranchId,
    effects: Vec<Effect>,
}

impl Batch {
    /// Locks the events that a batch books or names, and reads what decides about them.
    pub async fn open(write: &Write<'_>, input: &Push, entries: &[Item]) -> Result<Self, StoreError> {
        // Who moves totals or what they count for must not miss what is being posted meanwhile.
        write.lock_shared(super::TOTALS, "").await?;
        write.look_rows_up(entries.len()).await?;
        let source = input.source;
        let judged = entries.iter().filter_map(|item| match item {
            Item::Judged(judged) => Some(judged.as_ref()),
            Item::Unreadable(_) => None,
        });
        let candidates: Vec<&Judged> = judged.filter(|judged| !judged.is_invalid()).collect();
        let connection = write.connection();
        let mut concerned = Concerned::by(candidates.iter().copied());
        if !write.is_alone() {
            // What is concerned is looked up first, so that it is locked at once and in order.
            loop {
                let held = store::waiting(connection, source, concerned.bookable()).await?;
                let answers = concerned.all().into_iter().filter(|(_, kind)| kind.answers());
                let events = store::events(connection, source, &answers.collect()).await?;
                if concerned.add(&held, &events).is_empty() {
                    break;
                }
            }
        }
        let mut events = store::lock_events(write, source, &concerned.all()).await?;
        let held = loop {
            let held = store::waiting(connection, source, concerned.bookable()).await?;
            // On PostgreSQL somebody brought it a moment ago. Locked out of order, two that meet so are run again.
            let more = concerned.add(&held, &events);
            if more.is_empty() {
                break HeldEntries::of_rows(held);
            }
            events.extend(store::lock_events(write, source, &more).await?);
        };

        let known = concerned.all();
        let earned = known.iter().filter(|(_, kind)| *kind == EntryKind::Earn);
        let answers = store::answers_to(connection, source, earned.map(|(name, _)| name.as_str())).await?;
        let names = known.iter().map(|(name, _)| name.as_str());
        let booked = store::booked(connection, source, names).await?;
        let contents = candidates.iter().map(|judged| judged.content.as_str());
        let discarded = store::discarded(connection, source, contents).await?;
        let codes: BTreeSet<&str> = candidates
            .iter()
            .map(|judged| judged.entry.branch_code.as_str())
            .chain(held.iter().map(|held| held.judged.entry.branch_code.as_str()))
            .collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let holders = branch::code_holders(connection, &input.source_code, &codes).await?;
        Ok(Self {
            source,
            book: Book::of(events.into_iter().chain(answers)),
            holders,
            booked,
            held,
            discarded,
            unreadable: Vec::new(),
            new: Vec::new(),
        })
    }

    /// Books an entry, or holds it.
    pub fn take(&mut self, item: Item) -> Outcome {
        let judged = match item {
            Item::Judged(judged) => judged,
            Item::Unreadable(row) => {
                self.unreadable.push(row);
                return Outcome::Quarantined(Reason::InvalidField);
            }
        };
        if let Some(waits) = judged.waits.clone().filter(|_| judged.is_invalid()) {
            return self.hold(&judged, waits);
        }
        if let Some(reason) = self.discarded.get(&judged.content) {
            // Decided: whatever has come since, nobody is asked twice.
            return Outcome::Quarantined(*reason);
        }
        if judged.waits.is_none() {
            self.book_earlier(&judged);
        }
        let key = judged.key();
        match (self.booked.get(&key), judged.waits.clone()) {
            (Some(content), _) if *content == judged.content => Outcome::Duplicate,
            (Some(_), _) => {
                let detail = format!("{} {}", key.0, key.1);
                self.hold(&judged, Waits::because(Reason::ConflictingRepeat, detail))
            }
            (None, Some(waits)) => self.hold(&judged, waits),
            (None, None) => match self
                .branch_of(&judged)
                .and_then(|branch| self.book(&judged, branch))
            {
                Ok(()) => Outcome::Accepted,
                Err(waits) => self.hold(&judged, waits),
            },
        }
    }

    /// Of several contents under one key the one that was received first is booked: one that waits may have become bookable
    /// since.
    fn book_earlier(&mut self, judged: &Judged) {
        for earlier in self.held.rivals(judged) {
            let Ok(branch) = self.branch_of(&earlier) else {
                continue;
            };
            if self.booked.contains_key(&judged.key()) || self.book(&earlier, branch).is_ok() {
                return;
            }
        }
    }

    fn hold(&mut self, judged: &Arc<Judged>, waits: Waits) -> Outcome {
        let code = judged.entry.branch_code.as_str();
        if !self.holders.contains_key(code) && text::find_sensitive(code).is_some() {
            // A person's number where a code should be: nothing that may wait here for a branch to get it.
            let invalid = judged.invalid("branchCode");
            let waits = invalid.waits.clone().unwrap_or(waits);
            return Outcome::Quarantined(self.held.hold(&Arc::new(invalid), waits));
        }
        Outcome::Quarantined(self.held.hold(judged, waits))
    }

    /// Whether something is booked under an entry's key.
    pub fn has(&self, judged: &Judged) -> bool {
        self.booked.contains_key(&judged.key())
    }

    /// Books an entry whose key is free for a branch, and then those that have waited for it.
    pub fn book(&mut self, judged: &Arc<Judged>, branch: BranchId) -> Result<(), Waits> {
        let entry = &judged.entry;
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
        self.held.booked(judged);
        self.booked.insert(judged.key(), judged.content.clone());
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
        for judged in self.held.naming(event_id) {
            // Another content of its key may have been booked a moment ago.
            if !self.has(&judged)
                && let Ok(branch) = self.branch_of(&judged)
            {
                let _ = self.book(&judged, branch);
            }
        }
    }

    /// Whose points they are: of an answer, those of the event that it answers.
    pub fn branch_of(&self, judged: &Judged) -> Result<BranchId, Waits> {
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
    pub async fn write(self, write: &mut Write<'_>) -> Result<BatchWritten, StoreError> {
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
        let lines = changed
            .iter()
            .filter_map(|(event, kind)| self.book.greatest(event, *kind));
        store::save_events(write, self.source, lines).await?;
        store::add_totals(write, &moves).await?;
        store::count_entries(write, self.source, entries.len()).await?;

        let held = self.held.iter().filter(|held| held.row.is_none() && !held.booked);
        let kept: Vec<Kept<'_>> = held
            .map(|held| Kept::waiting(&held.judged, &held.waits))
            .chain(self.unreadable.iter().map(Kept::unreadable))
            .collect();
        let quarantined = store::quarantine(write, self.source, received_at, &kept).await?;
        let decided = self.held.iter().any(|held| held.row.is_some() && held.booked);
        if quarantined > 0 || decided {
            write.change(super::source_changed(self.source));
        }
        let rows = || self.held.iter().filter_map(|held| held.row.map(|id| (id, held)));
        let booked = rows().filter(|(_, held)| held.booked).map(|(id, _)| id);
        store::replayed(write, booked).await?;
        let otherwise = rows().filter(|(_, held)| held.otherwise && !held.booked);
        store::wait_otherwise(write, otherwise.map(|(id, held)| (id, &held.waits))).await?;

        // Also where it comes to nothing: the ledger has another line.
        let lines = self.new.iter().flat_map(|new| {
            let postings = new.effects.iter().flat_map(Effect::postings);
            std::iter::once(new.branch).chain(postings.map(|posting| posting.branch))
        });
        let moved: BTreeSet<BranchId> = moves.keys().map(|(branch, _)| *branch).chain(lines).collect();
        for branch in moved {
            write.change(Change::new(Topic::Points, Action::Updated, branch).branches([branch]));
        }
        Ok(BatchWritten {
            accepted: self.new.len(),
            quarantined,
        })
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

fn keys_of_new(new: &[New]) -> BTreeSet<(String, EntryKind)> {
    new.iter()
        .map(|new| (new.judged.entry.event_id.clone(), new.judged.entry.kind))
        .collect()
}
