//! Whether a request is taken now: by what its caller has used up lately ([`Rate`]), and by how much the service has to do
//! ([`Gate`]). What is not taken is told so at once and when to come back, so that what is taken is answered soon.

mod gate;
mod rate;

use std::{net::IpAddr, sync::Arc, time::Duration};

pub use gate::{Gate, GateOptions, Pass};
pub use rate::{Quota, Rate, RateOptions};

use super::client::subscriber;
use crate::graphql::ApiError;

/// What it costs to look at a token that has not been seen before.
const COST_OF_TOKEN: u64 = 200;

/// What an answer costs that is kept, and to join those who watch a value.
pub const COST_OF_KEPT: u64 = 1;

/// What so many bytes of a request's parameters cost: they are read whatever they say.
pub fn cost_of_bytes(bytes: usize) -> u64 {
    bytes as u64 / 256
}

/// Whose use is counted: a subject, or where callers without a token come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// A token's subject.
    Subject(Arc<str>),
    /// An address, as one subscriber has it.
    Address(IpAddr),
    /// Nothing is known of it.
    Unknown,
}

impl Account {
    /// Who has no token, by its address.
    pub fn at(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Unknown, |address| Self::Address(subscriber(address)))
    }
}

/// What a request does, as far as it matters for whom is let in first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Reads, and writes of people.
    #[default]
    Other,
    /// Points of a platform: turned away last, because what is not taken has to be sent again by a machine that may lose it.
    Push,
}

/// What a deployment may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What a caller may use up; None: as much as it likes.
    pub rate: Option<RateOptions>,
    /// Requests that are worked on at once.
    pub requests: GateOptions,
    /// Deliveries of points that are worked on at once.
    pub pushes: GateOptions,
}

impl Options {
    /// Without any limit.
    pub fn unlimited() -> Self {
        let all = GateOptions {
            at_once: Gate::MOST,
            waiting: usize::MAX,
            patience: Duration::MAX,
        };
        Self {
            rate: None,
            requests: all,
            pushes: all,
        }
    }
}

/// Lets requests in.
pub struct Admission {
    rate: Option<Rate>,
    requests: Gate,
    pushes: Gate,
}

impl Admission {
    /// By a deployment's settings.
    pub fn new(options: Options) -> Self {
        Self {
            rate: options.rate.map(Rate::new),
            requests: Gate::new(options.requests),
            pushes: Gate::new(options.pushes),
        }
    }

    /// Lets a request in when there is room for it; it counts until its pass is dropped.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE where there is none soon.
    pub async fn enter(&self, class: Class) -> Result<Pass, ApiError> {
        match class {
            Class::Other => self.requests.enter().await,
            Class::Push => self.pushes.enter().await,
        }
    }

    /// Lets the next piece of what goes on by itself in when it is its turn, however long that takes: of a stream of points, whose
    /// sender waits meanwhile, or of a subscription.
    pub async fn enter_in_turn(&self, class: Class) -> Option<Pass> {
        match class {
            Class::Other => self.requests.enter_in_turn().await,
            Class::Push => self.pushes.enter_in_turn().await,
        }
    }

    /// Takes from a caller what a request costs, in the units of the document guard; gives what is left, where that is limited.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, and nothing is taken, where there is not as much left.
    pub fn charge(&self, account: &Account, cost: u64) -> Result<Option<Quota>, RateLimited> {
        match &self.rate {
            Some(rate) => rate.take(account, cost).map(Some),
            None => Ok(None),
        }
    }

    /// Takes from an address what it costs to look at a token or a signature that has not been seen before: more than to send one.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, before it is looked at, where too many came from there.
    pub fn stranger(&self, from: Option<IpAddr>) -> Result<(), RateLimited> {
        self.charge(&Account::at(from), COST_OF_TOKEN).map(drop)
    }

    /// Forgets callers whose use is made up for.
    pub fn forget(&self) {
        if let Some(rate) = &self.rate {
            rate.forget();
        }
    }
}

/// A caller that has used up what it may.
#[derive(Clone, Debug)]
pub struct RateLimited {
    /// RATE_LIMITED, with when to come back.
    pub error: ApiError,
    /// What is left.
    pub quota: Quota,
}
