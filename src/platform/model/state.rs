//! How a source stands: what is kept of it from one run to the next.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Position, PullFault, Rest, SourceState};
use crate::kernel::{
    clock::day_in_shanghai,
    id::{PointSourceId, PullRunId},
};

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Which.
    pub source: PointSourceId,
    /// Somebody paused it.
    pub paused: bool,
    /// The greatest number of a lease under which a run began.
    pub fence: i64,
    /// The run that is on, or was asked for.
    pub run: Option<PullRunId>,
    /// How it stands between runs.
    pub rest: Rest,
    /// When everything was last read to the end.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Why the last run did not; None once one did.
    pub last_error: Option<PullFault>,
    /// How far it has been read.
    pub position: Option<Position>,
    /// The last day (Asia/Shanghai) on which the last days were read again.
    pub reread_on: Option<NaiveDate>,
    /// Everything since then is to be read again.
    pub reread_from: Option<DateTime<Utc>>,
    /// The last day on which totals were compared.
    pub reconciled_on: Option<NaiveDate>,
}

impl Pulled {
    /// One that was never pulled, and is due at once.
    pub fn new(source: PointSourceId, now: DateTime<Utc>) -> Self {
        Self {
            source,
            paused: false,
            fence: 0,
            run: None,
            rest: Rest {
                state: SourceState::Idle,
                failures: 0,
                next_pull_at: now,
            },
            last_success_at: None,
            last_error: None,
            position: None,
            reread_on: None,
            reread_from: None,
            reconciled_on: None,
        }
    }

    /// What it is doing.
    pub fn state(&self) -> SourceState {
        match (self.paused, self.run) {
            (true, _) => SourceState::Paused,
            (false, Some(_)) => SourceState::Pulling,
            (false, None) => self.rest.state,
        }
    }

    /// Whether somebody should pull it; whether somebody does is for the lease to say.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        !self.paused && (self.run.is_some() || self.rest.next_pull_at <= now)
    }

    /// Where a run begins: so long before the position as items may be committed late, or further back where it is time to read
    /// the last days again. None: at the beginning of everything.
    pub fn begins_at(&self, overlap: Duration, reread: Reread) -> Option<DateTime<Utc>> {
        let position = self.position.as_ref()?.at;
        let before = |by: TimeDelta| position.checked_sub_signed(by).unwrap_or(DateTime::UNIX_EPOCH);
        let overlap = before(TimeDelta::from_std(overlap).unwrap_or_default());
        let begins = match reread {
            Reread::No => overlap,
            Reread::Days(days) => overlap.min(before(TimeDelta::days(days.into()))),
        };
        Some(self.reread_from.map_or(begins, |from| begins.min(from)))
    }

    /// Whether the last days are to be read again, once a day.
    pub fn rereads(&self, days: u32, now: DateTime<Utc>) -> Reread {
        match days > 0 && self.is_to_reread(now) {
            true => Reread::Days(days),
            false => Reread::No,
        }
    }

    /// Whether no run of today has read the last days again.
    pub fn is_to_reread(&self, now: DateTime<Utc>) -> bool {
        self.reread_on != Some(day_in_shanghai(now))
    }
}

/// The earlier of two instants since which everything is to be read again.
pub fn further_back(from: Option<DateTime<Utc>>, other: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Some(from.map_or(other, |from| from.min(other)))
}

/// Whether a run reads the last days again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// It does not.
    No,
    /// So many before the position: counted by the platform's clock, not by ours.
    Days(u32),
}
