//! Runs: one reading of a platform each, from its position to the end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PullFault;
use crate::kernel::id::{PointSourceId, PullRunId};

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRun {
    /// Its key.
    pub id: PullRunId,
    /// Of which source.
    pub source: PointSourceId,
    /// The number of the lease under which it runs; None of one that was asked for and has not begun.
    pub fence: Option<i64>,
    /// When it began, or was asked for.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many pages were read.
    pub pages: i32,
    /// What became of their items.
    pub counts: Counts,
    /// Why it ended before everything was read.
    pub error: Option<PullFault>,
}

/// What became of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Booked.
    pub accepted: i32,
    /// Booked before, the same.
    pub duplicates: i32,
    /// Of another content than what is booked under their key; kept in quarantine.
    pub conflicts: i32,
    /// Kept in quarantine for another reason.
    pub quarantined: i32,
}

impl Counts {
    /// Adds others; what no run reaches stays at the largest number there is.
    pub fn add(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.accepted, other.accepted),
            (&mut self.duplicates, other.duplicates),
            (&mut self.conflicts, other.conflicts),
            (&mut self.quarantined, other.quarantined),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
