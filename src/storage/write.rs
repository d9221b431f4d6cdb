//! The write path: the one way anything is written (docs/adr/0002).
//!
//! A use case is a function of [`Write`] and its input. It reads and writes through the transaction,
//! records what it did with [`Write::audit`] and [`Write::change`], and gives back an outcome that can be
//! stored: ids and scalars, from which the answer is rendered, now or when an idempotent request comes again.

mod actor;
mod alone;
mod idempotency;
mod postgres;
mod queued;
mod refusals;
mod work;

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

pub use actor::{Actor, WritePatience};
pub use refusals::{Refusals, check_version};

use self::{
    queued::Queued,
    work::{Ended, Work},
};
use super::{Database, StoreError};
use crate::{
    audit::{self, AuditRecord},
    kernel::{clock::Clock, refusal::Refusal, rules::Rules},
    live::{self, change::Change, store::Appended},
};

/// The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header), scoped to its caller.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// Whose key it is: the token's subject.
    pub caller: String,
    /// The key as it was sent.
    pub key: String,
    /// SHA-256 of the request's document, operation name and variables.
    pub body_hash: Vec<u8>,
}

/// Why a use case did nothing.
#[derive(Debug)]
pub enum Failure {
    /// A rule or the input stood in the way: becomes `userErrors`.
    Refused(Vec<Refusal>),
    /// The caller may see the thing, but this is not for them to do.
    Forbidden,
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

/// What a mutation came to: what it made, or why it was refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// Written and durable.
    Done(T),
    /// Nothing was written.
    Refused(Vec<Refusal>),
}

/// An outcome, and whether it is that of an earlier request with the same key.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    /// What it came to.
    pub outcome: Outcome<T>,
    /// An earlier request's outcome, read back.
    pub replayed: bool,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// See [`Failure::Forbidden`].
    #[error("forbidden")]
    Forbidden,
    /// The first request with this key is still running.
    #[error("idempotency key in flight")]
    InFlight,
    /// The key was used with another body.
    #[error("idempotency key used with another body")]
    OtherBody,
    /// The database failed; whether it was written is unknown only if the commit itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A use case: what [`Database::write`] runs. It may run more than once (PostgreSQL's transaction conflicts),
/// each time from the beginning.
pub type UseCase<I, T> = for<'a, 't> fn(&'a mut Write<'t>, &'a I) -> BoxFuture<'a, Result<T, Failure>>;

/// A transaction that can write, and that must say what it did.
pub struct Write<'t> {
    transaction: &'t DatabaseTransaction,
    clock: &'t Clock,
    rules: &'t Rules,
    incarnation: i64,
    actor: &'t Actor,
    audit: Vec<AuditRecord>,
    changes: Vec<Change>,
}

impl<'t> Write<'t> {
    /// The transaction, for stores to read and write through.
    pub fn connection(&self) -> &'t DatabaseTransaction {
        self.transaction
    }

    /// The clocks.
    pub fn clock(&self) -> &'t Clock {
        self.clock
    }

    /// The numbers of the domain's rules that the deployment set.
    pub fn rules(&self) -> &'t Rules {
        self.rules
    }

    /// Who writes.
    pub fn actor(&self) -> &'t Actor {
        self.actor
    }

    /// Records what was done; at least one record a write.
    pub fn audit(&mut self, record: AuditRecord) {
        self.audit.push(record);
    }

    /// Reports a change.
    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Keeps what was recorded; gives what it appended to the change log.
    async fn finish(self) -> Result<Appended, StoreError> {
        if self.audit.is_empty() {
            return Err(StoreError::Unaudited);
        }
        let at = self.clock.machine();
        audit::store::append(self.transaction, at, self.actor, self.audit).await?;
        live::store::append(self.transaction, at, self.incarnation, self.changes).await
    }
}

impl Database {
    /// Runs a use case in one transaction, durably, exactly once for an idempotency key.
    pub async fn write<I, T>(
        &self,
        actor: Actor,
        key: Option<IdempotencyKey>,
        input: I,
        case: UseCase<I, T>,
    ) -> Result<Written<T>, WriteError>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let _flight = match &key {
            Some(key) => Some(self.take_off(key).ok_or(WriteError::InFlight)?),
            None => None,
        };
        let incarnation = self.incarnation().await?.number;
        // Who waits for the writer must not keep others from reading.
        self.reader.release().await;
        let work = Work {
            clock: self.clock().clone(),
            rules: *self.rules(),
            incarnation,
            actor,
            key,
            input,
            case,
            spent: self.reader.spent().cloned(),
        };
        let ended = match &self.inner.group_commit {
            Some(group) => {
                let (reply, ended) = oneshot::channel();
                group
                    .submit(Box::new(Queued {
                        work,
                        log: self.inner.log.clone(),
                        changes: Appended::default(),
                        result: None,
                        ran_at: None,
                        reply,
                    }))
                    .await?;
                ended.await.map_err(|_| StoreError::Stopping)??
            }
            None => self.write_alone(&work).await?,
        };
        match ended {
            Ended::Done { value, replayed } => Ok(Written {
                outcome: Outcome::Done(value),
                replayed,
            }),
            Ended::Refused { refusals, replayed } => Ok(Written {
                outcome: Outcome::Refused(refusals),
                replayed,
            }),
            Ended::Forbidden => Err(WriteError::Forbidden),
            Ended::InFlight => Err(WriteError::InFlight),
            Ended::OtherBody => Err(WriteError::OtherBody),
        }
    }

    /// Marks a key as running in this process, until the guard is dropped.
    fn take_off(&self, key: &IdempotencyKey) -> Option<Flight> {
        let name = (key.caller.clone(), key.key.clone());
        let mut in_flight = self.inner.in_flight.lock().unwrap_or_else(|e| e.into_inner());
        in_flight.insert(name.clone()).then(|| Flight {
            database: self.clone(),
            name,
        })
    }
}

struct Flight {
    database: Database,
    name: (String, String),
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.database
            .inner
            .in_flight
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .remove(&self.name);
    }
}

/// Forgets idempotency keys of before an instant.
pub(super) async fn forget_keys(
    transaction: &DatabaseTransaction,
    before: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    idempotency::forget(transaction, before).await
}
