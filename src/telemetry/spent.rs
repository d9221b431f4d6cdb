//! What one operation spent in the database.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What one operation has spent in the database so far.
#[derive(Debug, Default)]
pub struct Spent(Mutex<Sums>);

/// Sums of an operation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// From the beginning of the first statement to the end of the last.
    pub within: Option<(Instant, Instant)>,
    /// In statements; those that ran at once each for itself.
    pub busy: Duration,
    /// How many statements; a write's are not counted one by one.
    pub statements: u64,
    /// The last commit.
    pub commit: Option<Commit>,
}

/// From the end of a write's own statements until they were durable, or until it was known, or given up, that they are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub began: Instant,
    pub ended: Instant,
    pub failed: bool,
}

impl Spent {
    /// So many statements that have ended now.
    pub fn statements(&self, count: u64, began: Instant) {
        let now = Instant::now();
        let mut sums = self.lock();
        sums.statements += count;
        sums.busy += now.saturating_duration_since(began);
        let first = sums.within.map_or(began, |(first, _)| first.min(began));
        sums.within = Some((first, now));
    }

    /// A commit that has ended now.
    pub fn committed(&self, began: Instant, failed: bool) {
        let ended = Instant::now();
        self.lock().commit = Some(Commit { began, ended, failed });
    }

    pub(super) fn sums(&self) -> Sums {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
