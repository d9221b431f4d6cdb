//! What goes wrong on demand: with a chance, or the next so many times; seeded, so that a run can be repeated.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use rand::RngExt as _;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use crate::kernel::names::stored_names;

stored_names! {
    /// What can go wrong with an answer of `/api/…`.
    Fault {
        /// It comes late.
        Latency => "latency",
        /// It is a page in HTML with status 500.
        Status500 => "status500",
        /// It is status 429 with `Retry-After`.
        Status429 => "status429",
        /// Its connection ends in the middle of the body.
        Dropped => "dropped",
        /// The token has expired before its time: 401.
        ExpiredToken => "expiredToken",
        /// After it rows that were read go to the end, so that what follows moves up; and there is a new one.
        ShiftedPages => "shiftedPages",
        /// The page before comes again.
        RepeatedPage => "repeatedPage",
        /// Its rows are in another order.
        Reordered => "reordered",
        /// Among its rows there are others that cannot be read.
        Malformed => "malformed",
        /// `eventNo` and `score` are called otherwise.
        RenamedFields => "renamedFields",
    }
}

/// How often it goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Chance {
    /// The share of answers, 0 to 1.
    pub probability: f64,
    /// The next so many answers, whatever the share.
    pub next: u32,
    /// Of `latency` how long, of `status429` what `Retry-After` says (whole seconds, rounded up).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
}

/// What is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of that name.
    #[error(
        "no fault is called {0}: latency, status500, status429, dropped, expiredToken, shiftedPages, repeatedPage, \
         reordered, malformed, renamedFields"
    )]
    Name(String),
    /// It is not NAME=VALUE.
    #[error(
        "a fault is NAME=VALUE with a share from 0 to 1, next:COUNT or a duration, separated by commas: {0}"
    )]
    Value(String),
}

/// Every fault with its chance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(BTreeMap<Fault, Chance>);

/// What goes wrong with one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hits(BTreeMap<Fault, Duration>);

impl Hits {
    /// Whether this does.
    pub fn has(&self, fault: Fault) -> bool {
        self.0.contains_key(&fault)
    }

    /// Whether this does, and its duration.
    pub fn of(&self, fault: Fault) -> Option<Duration> {
        self.0.get(&fault).copied()
    }
}

impl Faults {
    /// Sets the chance of one.
    pub fn set(&mut self, fault: Fault, chance: Chance) {
        self.0.insert(fault, chance);
    }

    /// By their names.
    ///
    /// # Errors
    ///
    /// A name that is none, or a share that is not from 0 to 1.
    pub fn of(named: BTreeMap<String, Chance>) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for (name, chance) in named {
            let fault = Fault::parse(&name).ok_or_else(|| FaultError::Name(name.clone()))?;
            if !(0.0..=1.0).contains(&chance.probability) {
                return Err(FaultError::Value(name));
            }
            faults.set(fault, chance);
        }
        Ok(faults)
    }

    /// By their names.
    pub fn named(&self) -> BTreeMap<&'static str, Chance> {
        self.0
            .iter()
            .map(|(fault, chance)| (fault.as_str(), *chance))
            .collect()
    }

    /// Draws what goes wrong with the next answer.
    pub(super) fn draw(&mut self, rng: &mut ChaCha20Rng) -> Hits {
        let mut hits = Hits::default();
        for (&fault, chance) in &mut self.0 {
            // Drawn also where the count decides, so that what follows does not depend on it.
            let falls = rng.random_bool(chance.probability.clamp(0.0, 1.0));
            if chance.next > 0 || falls {
                chance.next = chance.next.saturating_sub(1);
                let millis = chance.millis.unwrap_or(match fault {
                    Fault::Latency => 200,
                    _ => 1000,
                });
                hits.0.insert(fault, Duration::from_millis(millis));
            }
        }
        hits
    }
}

/// One fault as it is typed: `latency=200ms`, `status500=0.1`, `status429=next:2,3s`.
impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = || FaultError::Value(text.to_owned());
        let (name, values) = text.split_once('=').ok_or_else(wrong)?;
        let mut chance = Chance::default();
        let mut how_often = false;
        for value in values.split(',') {
            if let Some(count) = value.strip_prefix("next:") {
                chance.next = count.parse().map_err(|_| wrong())?;
                how_often = true;
            } else if let Ok(share) = value.parse() {
                chance.probability = share;
                how_often = true;
            } else {
                let time = humantime::parse_duration(value).map_err(|_| wrong())?;
                chance.millis = Some(u64::try_from(time.as_millis()).map_err(|_| wrong())?);
            }
        }
        if !how_often {
            chance.probability = 1.0;
        }
        Self::of(BTreeMap::from([(name.to_owned(), chance)])).map_err(|error| match error {
            FaultError::Value(_) => wrong(),
            error => error,
        })
    }
}

impl Extend<Faults> for Faults {
    fn extend<I: IntoIterator<Item = Faults>>(&mut self, others: I) {
        for other in others {
            self.0.extend(other.0);
        }
    }
}
