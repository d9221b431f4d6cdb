//! When a platform is asked again: a request, and a run.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::PullFault;
use crate::kernel::names::stored_names;

stored_names! {
    /// What a source is doing.
    SourceState {
        /// It waits for its time.
        Idle => "IDLE",
        /// A run is on.
        Pulling => "PULLING",
        /// Runs failed; the next one is tried soon.
        BackingOff => "BACKING_OFF",
        /// So many failed that the platform is left alone; a probe is made when its time has come.
        OpenCircuit => "OPEN_CIRCUIT",
        /// Somebody paused it.
        Paused => "PAUSED",
    }
}

/// The longest wait before a request is made again; a platform that asks for a longer one ends the run.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The first wait after a run that failed; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest time for which a platform is left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The budget of a run for requests that are made again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    left: u32,
    first: Duration,
    streak: u32,
}

impl Retries {
    /// So many in all; the first wait is at most `first`.
    pub fn new(budget: u32, first: Duration) -> Self {
        Self {
            left: budget,
            first,
            streak: 0,
        }
    }

    /// How long to wait before a request is made again: exponential backoff with full jitter, and never less than the platform
    /// asks for. None where it is not made again. `jitter` is from 0 to 1.
    pub fn again(&mut self, fault: &PullFault, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
        if !fault.is_passing() || self.left == 0 || asked.is_some_and(|asked| asked > LONGEST_WAIT) {
            return None;
        }
        self.left -= 1;
        let longest = doubled(self.first, self.streak).min(LONGEST_WAIT);
        self.streak += 1;
        Some(asked.unwrap_or_default() + longest.mul_f64(jitter.clamp(0.0, 1.0)))
    }

    /// A request went well: the next wait is short again.
    pub fn went_well(&mut self) {
        self.streak = 0;
    }
}

fn doubled(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(2_u32.saturating_pow(times))
}

/// How a source stands between runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// IDLE, BACKING_OFF or OPEN_CIRCUIT.
    pub state: SourceState,
    /// Runs that failed in a row.
    pub failures: u32,
    /// When the next one begins.
    pub next_pull_at: DateTime<Utc>,
}

/// What the pauses between runs depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So long after a run that went well the next one begins.
    pub every: Duration,
    /// After so many failed runs in a row the circuit opens.
    pub failures: u32,
    /// For how long; it doubles with every probe that fails.
    pub cool_down: Duration,
}

impl Pace {
    /// How a source stands after a run that ended now; `fault` is why it did not read everything, `asked` when the platform
    /// wants to be asked again. `jitter` is from 0 to 1.
    pub fn after(
        self,
        before: Rest,
        fault: Option<&PullFault>,
        asked: Option<Duration>,
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Rest {
        let Some(fault) = fault else {
            return Rest {
                state: SourceState::Idle,
                failures: 0,
                next_pull_at: later(now, self.every),
            };
        };
        if *fault == PullFault::Storage {
            return Rest {
                next_pull_at: later(now, FIRST_PAUSE.min(self.every)),
                ..before
            };
        }
        if !fault.counts() {
            // Nobody's fault: it goes on when nothing stands in the way any more.
            return Rest {
                next_pull_at: now,
                ..before
            };
        }
        let failures = before.failures.saturating_add(1);
        let (state, pause) = match failures.checked_sub(self.failures) {
            None => {
                let longest = doubled(FIRST_PAUSE, failures - 1)
                    .min(self.every)
                    .min(LONGEST_PAUSE);
                (SourceState::BackingOff, longest.mul_f64(jitter.clamp(0.0, 1.0)))
            }
            Some(probes) => {
                let longest = LONGEST_PAUSE.max(self.cool_down);
                (
                    SourceState::OpenCircuit,
                    doubled(self.cool_down, probes).min(longest),
                )
            }
        };
        let asked = asked.unwrap_or_default().min(LONGEST_PAUSE);
        Rest {
            state,
            failures,
            next_pull_at: later(now, pause.max(asked)),
        }
    }
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .unwrap_or(now)
        .trunc_subsecs(6)
}
