//! Why a use case writes nothing: all its reasons at once.

use super::Failure;
use crate::kernel::refusal::{Refusal, RefusalCode};

/// Refuses with VERSION_CONFLICT unless the row stands at the version the caller read.
pub fn check_version(given: i32, current: i32) -> Result<(), Refusal> {
    if given == current {
        Ok(())
    } else {
        Err(Refusal::version(given, current))
    }
}

/// Collects refusals, so that a caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Takes the value, or keeps its refusal and gives none.
    pub fn take<T, R: Into<Refusal>>(&mut self, result: Result<T, R>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.0.push(refusal.into());
                None
            }
        }
    }

    /// Adds one unless the condition holds.
    pub fn require(&mut self, holds: bool, refusal: impl FnOnce() -> Refusal) {
        if !holds {
            self.0.push(refusal());
        }
    }

    /// Whether there is one of a kind already.
    pub fn has(&self, code: RefusalCode) -> bool {
        self.0.iter().any(|r| r.code == code)
    }

    /// Ends with them if there are any, else with the value that [`take`](Self::take) gave.
    pub fn finish_with<T>(self, value: Option<T>) -> Result<T, Failure> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.refuse()),
        }
    }

    /// Ends with them; there is one at least.
    pub fn refuse(self) -> Failure {
        Failure::Refused(self.0)
    }

    /// Ends with them if there are any.
    pub fn finish(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Failure::Refused(self.0))
        }
    }
}
