//! The change log as this process knows it: what was written here, and what its tail has read.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{
    cursor::Position,
    feed::{Feed, Step},
    freshness::Freshness,
    store::{Appended, LoggedChange},
    tailing::{Look, Tailing},
    window::Window,
};

/// Rows that live readers may be behind before they are too slow, unless configured.
pub const WINDOW: usize = 4096;
/// How old the tail's last look may be for its word to count.
const CURRENT: TimeDelta = TimeDelta::seconds(2);

/// The change log, as far as it is known here.
#[derive(Debug)]
pub struct Log {
    /// None until the tail has found where the log ends.
    known: Mutex<Option<Known>>,
    freshness: Freshness,
    /// Moves when something new is known.
    seen: watch::Sender<u64>,
    /// Moves when something was written here.
    written: watch::Sender<u64>,
    /// When the tail began its last look that came to an end, in milliseconds since 1970; 0: never.
    looked_at: AtomicI64,
    /// When the oldest row was written that had no place yet then; 0: there was none.
    held_since: AtomicI64,
}

#[derive(Debug)]
struct Known {
    tailing: Tailing,
    window: Window,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            freshness: Freshness::default(),
            seen: watch::Sender::new(0),
            written: watch::Sender::new(0),
            looked_at: AtomicI64::new(0),
            held_since: AtomicI64::new(0),
        }
    }
}

impl Log {
    /// The versions of what reads depend on.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Changes that a transaction of this process has committed, before it is answered: who is told that it is written sees it.
    pub fn wrote(&self, appended: &Appended) {
        if appended.moved.is_empty() {
            return;
        }
        {
            // Under the lock: nobody is handed a row before the versions have moved for it.
            let mut known = self.known();
            for moved in &appended.moved {
                self.freshness.moved(moved.topic, &moved.branches);
            }
            if let Some(known) = &mut *known {
                for place in &appended.places {
                    known.tailing.see(*place);
                }
            }
        }
        self.written.send_modify(|times| *times += 1);
        self.seen.send_modify(|times| *times += 1);
    }

    /// Rows that somebody is about to be told of who has read them himself: what depends on them has moved.
    pub fn noticed(&self, rows: &[LoggedChange]) {
        let mut known = self.known();
        let Some(known) = &mut *known else { return };
        for row in rows {
            if known.tailing.see(row.position) {
                self.freshness.moved(row.topic, &row.branch_ids);
            }
        }
    }

    /// Tells when something was written here.
    pub fn watch_written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Tells when something new is known.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.seen.subscribe()
    }

    /// Whether the tail follows closely enough for what it has not seen not to have happened.
    pub fn is_current(&self, now: DateTime<Utc>) -> bool {
        let looked_at = DateTime::from_timestamp_millis(self.looked_at.load(Ordering::SeqCst));
        // A clock that was set back says nothing.
        looked_at.is_some_and(|at| at <= now && now - at <= CURRENT)
    }

    /// What a reader does next; None until the tail has found where the log ends.
    pub fn step(&self, feed: &mut Feed, most: usize) -> Option<Step> {
        let known = self.known();
        known.as_ref().map(|known| feed.step(&known.window, most))
    }

    /// The tail follows the log from here on.
    pub(super) fn follow(&self, head: Position, most: usize) {
        *self.known() = Some(Known {
            tailing: Tailing::from(head),
            window: Window::new(head, most),
        });
        // What was written elsewhere before nobody here has seen.
        self.freshness.moved_all();
        self.seen.send_modify(|times| *times += 1);
    }

    /// The tail begins to look; None until it follows.
    pub(super) fn look(&self) -> Option<Look> {
        self.known().as_ref().map(|known| known.tailing.look())
    }

    /// The tail has read a page; gives when the rows were written that readers are offered now.
    pub(super) fn take(
        &self,
        look: &mut Look,
        rows: Vec<LoggedChange>,
        xmin: Option<i64>,
    ) -> Vec<DateTime<Utc>> {
        if rows.is_empty() {
            return Vec::new();
        }
        let offered = {
            let mut known = self.known();
            let Some(known) = &mut *known else {
                return Vec::new();
            };
            let seen = known.tailing.take(look, rows, xmin);
            for change in &seen.new {
                self.freshness.moved(change.topic, &change.branch_ids);
            }
            let offered = seen.settled.iter().map(|row| row.at).collect();
            known.window.append(seen.settled);
            offered
        };
        self.seen.send_modify(|times| *times += 1);
        offered
    }

    /// When the tail began its last look that came to an end, and since when what it saw then waits for its place.
    pub fn tail(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let at = |millis: &AtomicI64| match millis.load(Ordering::SeqCst) {
            0 => None,
            millis => DateTime::from_timestamp_millis(millis),
        };
        (at(&self.looked_at), at(&self.held_since))
    }

    /// A look that began then came to an end; what was written since `held` has no place yet.
    pub(super) fn looked(&self, began: DateTime<Utc>, held: Option<DateTime<Utc>>) {
        let held = held.map_or(0, |held| held.timestamp_millis());
        self.held_since.store(held, Ordering::SeqCst);
        self.looked_at.store(began.timestamp_millis(), Ordering::SeqCst);
    }

    /// Poisoned by nobody: what runs under it does not panic.
    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
