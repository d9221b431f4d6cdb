//! Whether a request is taken now: by what its caller has used up lately ([`Rate`]), and by how much the service has to do
//! ([`Gate`]). What is not taken is told so at once and when to come back, so that what is taken is answered soon.

mod bodies;
mod gate;
mod rate;
mod shares;
mod turns;

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;

pub use bodies::{Bodies, Held};
pub use gate::{Gate, GateOptions, Pass};
pub use rate::{Quota, Rate, RateOptions};
pub use shares::{Share, Shares};
use turns::{Turn, Turns};

use super::client::subscriber;
use crate::{graphql::ApiError, kernel::clock::pause};

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

impl Class {
    /// What it is once it is known what is asked: who brings points reads like anybody else.
    pub fn asking(self, kind: OperationType) -> Self {
        match kind {
            OperationType::Mutation => self,
            OperationType::Query | OperationType::Subscription => Self::Other,
        }
    }
}

/// Of the places of requests, or of points, waiting ones among them, one caller has as many as come out here.
fn share(places: &GateOptions) -> usize {
    (places.at_once.saturating_add(places.waiting) / 2).max(1)
}

/// Of the places where points are worked on, one caller has as many as come out here: its streams wait for their turn for as long
/// as it takes, and would otherwise stand in front of everybody else's.
fn at_once_of_one(pushes: &GateOptions) -> usize {
    (pushes.at_once / 2).max(1)
}

/// Places for what subscribers are told without having asked again: as many as come out here of those of requests. They wait for
/// each other, and no request for all of them.
fn for_updates(requests: &GateOptions) -> usize {
    (requests.at_once / 4).max(1)
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
    /// Bytes of bodies that are held at once.
    pub body_bytes: usize,
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
            body_bytes: usize::MAX,
        }
    }
}

/// Lets requests in.
pub struct Admission {
    rate: Option<Rate>,
    requests: Gate,
    by_caller: Shares<Account>,
    updates: Gate,
    pushes: Gate,
    pushes_by_caller: Shares<Account>,
    turns: Turns<Account>,
    push_patience: Duration,
    bodies: Bodies,
}

/// A place among those that are worked on.
pub struct Entered {
    _share: Option<Share<Account>>,
    _pass: Pass,
    _turn: Option<Turn<Account>>,
}

impl Admission {
    /// By a deployment's settings.
    pub fn new(options: Options) -> Self {
        Self {
            rate: options.rate.map(Rate::new),
            requests: Gate::new(options.requests),
            by_caller: Shares::new(share(&options.requests)),
            updates: Gate::new(GateOptions {
                at_once: for_updates(&options.requests),
                ..options.requests
            }),
            pushes: Gate::new(options.pushes),
            pushes_by_caller: Shares::new(share(&options.pushes)),
            turns: Turns::new(at_once_of_one(&options.pushes)),
            push_patience: options.pushes.patience,
            bodies: Bodies::new(options.body_bytes),
        }
    }

    /// Lets a request in when there is room for it, and its caller has not taken half of all there is; it counts until what is
    /// given here is dropped.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE where there is none soon.
    pub async fn enter(&self, class: Class, account: &Account) -> Result<Entered, ApiError> {
        match class {
            Class::Other => {
                let share = self.by_caller.take(account, 1).ok_or_else(gate::busy)?;
                Ok(Entered {
                    _share: Some(share),
                    _pass: self.requests.enter().await?,
                    _turn: None,
                })
            }
            Class::Push => {
                let share = self.pushes_by_caller.take(account, 1);
                let _share = Some(share.ok_or_else(gate::busy)?);
                let enter = async {
                    let _turn = self.turns.enter(account).await;
                    let _pass = self.pushes.enter().await?;
                    Ok(Entered { _share, _pass, _turn })
                };
                let entered = tokio::time::timeout(self.push_patience, enter).await;
                entered.unwrap_or_else(|_| Err(gate::busy()))
            }
        }
    }

    /// Lets the next chunk of a stream of points in when it is its turn, however long that takes: its sender waits meanwhile. First
    /// among those of the same caller, so that they fill no more than half of the places.
    pub async fn enter_in_turn(&self, account: &Account) -> Option<Entered> {
        let _turn = self.turns.enter(account).await;
        let _pass = self.pushes.enter_in_turn().await?;
        Some(Entered {
            _share: None,
            _pass,
            _turn,
        })
    }

    /// Lets what a subscriber is told next in when it is its turn: it is told a little later, and what is then the latest.
    pub async fn update_in_turn(&self) -> Option<Pass> {
        self.updates.enter_in_turn().await
    }

    /// Room for a body of so many bytes, until it is dropped: however slowly they come, all of them together are bounded.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE where there is none now.
    pub fn hold(&self, account: &Account, bytes: usize) -> Result<Held, ApiError> {
        self.bodies.hold(account, bytes).ok_or_else(gate::busy)
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

    /// Takes from a caller what a chunk of its stream costs, as soon as there is enough: what is not taken yet is not lost, and
    /// waits. Not to be waited for with a place in hand.
    pub async fn charge_in_time(&self, account: &Account, cost: u64) {
        while let Err(limited) = self.charge(account, cost) {
            let seconds = limited.error.retry_after().unwrap_or(1);
            pause(Duration::from_secs(seconds.into())).await;
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
