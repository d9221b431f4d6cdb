//! The write path: the one way anything is written (docs/adr/0002).
//!
//! A use case is a function of [`Write`] and its input. It reads and writes through the transaction,
//! records what it did with [`Write::audit`] and [`Write::change`], and gives back an outcome that can be
//! stored: ids and scalars, from which the answer is rendered, now or when an idempotent request comes again.

mod idempotency;
mod postgres;
mod refusals;

use std::{sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, TransactionTrait as _};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

pub use refusals::{Refusals, check_version};

use super::{Database, HOUSEKEEPING, StoreError, group_commit};
use crate::{
    audit::{self, AuditRecord},
    kernel::{
        clock::{Clock, pause},
        refusal::Refusal,
        rules::Rules,
    },
    live::{self, Log, change::Change, store::Appended},
    telemetry::Spent,
};

/// Who writes, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's opaque subject, or the name of a job of our own.
    pub subject: String,
    /// The caller's role; none for the service's own jobs and the command line.
    pub role: Option<&'static str>,
    /// The request this belongs to.
    pub request_id: String,
    /// How long its writes may take.
    pub patience: WritePatience,
}

/// How long a write is waited for on PostgreSQL, as so many times the limit of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePatience {
    /// Somebody waits for the answer: 3 times.
    Caller,
    /// It comes again by itself: as long as housekeeping, 8 times.
    Job,
    /// What a start or a command writes at once, such as a demonstration's district: 60 times.
    Import,
}

impl WritePatience {
    fn times(self) -> u32 {
        match self {
            Self::Caller => 3,
            Self::Job => HOUSEKEEPING,
            Self::Import => 60,
        }
    }
}

impl Actor {
    /// The service itself at its start, or the command line.
    pub fn service(command: &str) -> Self {
        Self {
            subject: "zhibu".to_owned(),
            role: None,
            request_id: command.to_owned(),
            patience: WritePatience::Import,
        }
    }

    /// One of the service's jobs, which run again and again.
    pub fn job(job: &str) -> Self {
        Self {
            patience: WritePatience::Job,
            ..Self::service(job)
        }
    }
}

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

    /// PostgreSQL: a transaction of its own, again when it got in another's way.
    async fn write_alone<I, T>(&self, work: &Work<I, T>) -> Result<Ended<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        const ATTEMPTS: u32 = 5;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.write_in_time(work).await {
                Err(StoreError::Conflict(_)) if attempt < ATTEMPTS => {
                    // Full jitter: two that got in each other's way must not meet again. Whoever seeds nothing but the
                    // length of a pause needs no generator handed in.
                    let spread = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), attempt);
                    let millis = spread % (8 << attempt) + 1;
                    pause(std::time::Duration::from_millis(millis)).await;
                }
                ended => return ended,
            }
        }
    }

    /// A caller's write whose outcome is not known in time is UNAVAILABLE, as where the connection breaks: it may have been
    /// committed, which is what idempotency keys are for. What the service writes for itself may be large.
    async fn write_in_time<I, T>(&self, work: &Work<I, T>) -> Result<Ended<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        let times = work.actor.patience.times();
        let patience = &self.inner.patience;
        // In a box: what waits for it would hold it several times over, on a stack that is not wide enough for that.
        patience.transaction(times, Box::pin(self.write_once(work))).await
    }

    async fn write_once<I, T>(&self, work: &Work<I, T>) -> Result<Ended<T>, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        let transaction = self.inner.writer.begin().await?;
        let mut changes = Appended::default();
        match work.run(&transaction, &mut changes).await {
            Ok((ended, true)) => {
                let mut commit = Committing::of(work.spent.as_deref());
                transaction.commit().await?;
                commit.failed = false;
                drop(commit);
                self.log().wrote(&changes);
                Ok(ended)
            }
            Ok((ended, false)) => {
                transaction.rollback().await?;
                Ok(ended)
            }
            Err(error) => {
                let _ = transaction.rollback().await;
                Err(error)
            }
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

enum Ended<T> {
    Done { value: T, replayed: bool },
    Refused { refusals: Vec<Refusal>, replayed: bool },
    Forbidden,
    InFlight,
    OtherBody,
}

struct Work<I, T> {
    clock: Clock,
    rules: Rules,
    incarnation: i64,
    actor: Actor,
    key: Option<IdempotencyKey>,
    input: I,
    case: UseCase<I, T>,
    /// Where what the request spends is added up, if it is watched.
    spent: Option<Arc<Spent>>,
}

/// A commit that is waited for; it has failed as long as nothing else is said, also for those who wait no longer.
struct Committing<'a> {
    spent: Option<&'a Spent>,
    began: Instant,
    failed: bool,
}

impl<'a> Committing<'a> {
    fn of(spent: Option<&'a Spent>) -> Self {
        Self {
            spent,
            began: Instant::now(),
            failed: true,
        }
    }
}

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        if let Some(spent) = self.spent {
            spent.committed(self.began, self.failed);
        }
    }
}

impl<I, T> Work<I, T>
where
    T: Serialize + DeserializeOwned,
{
    async fn run(
        &self,
        transaction: &DatabaseTransaction,
        changes: &mut Appended,
    ) -> Result<(Ended<T>, bool), StoreError> {
        let began = self.spent.as_ref().map(|_| Instant::now());
        let ran = self.run_case(transaction, changes).await;
        if let (Some(spent), Some(began)) = (&self.spent, began) {
            spent.statements(0, began);
        }
        ran
    }

    /// Gives the end it came to; `changes` are what is to be told of once it is committed.
    async fn run_case(
        &self,
        transaction: &DatabaseTransaction,
        changes: &mut Appended,
    ) -> Result<(Ended<T>, bool), StoreError> {
        if let Some(key) = &self.key {
            match idempotency::earlier(transaction, key).await? {
                idempotency::Earlier::None => {}
                idempotency::Earlier::InFlight => return Ok((Ended::InFlight, false)),
                idempotency::Earlier::OtherBody => return Ok((Ended::OtherBody, false)),
                idempotency::Earlier::Done(value) => {
                    return Ok((
                        Ended::Done {
                            value,
                            replayed: true,
                        },
                        false,
                    ));
                }
                idempotency::Earlier::Refused(refusals) => {
                    return Ok((
                        Ended::Refused {
                            refusals,
                            replayed: true,
                        },
                        false,
                    ));
                }
            }
        }
        // With a key a refusal is kept too, so what the case wrote before it refused must go alone.
        let savepoint = if self.key.is_some() {
            Some(transaction.begin().await?)
        } else {
            None
        };
        let inner = savepoint.as_ref().unwrap_or(transaction);
        let mut write = Write {
            transaction: inner,
            clock: &self.clock,
            rules: &self.rules,
            incarnation: self.incarnation,
            actor: &self.actor,
            audit: Vec::new(),
            changes: Vec::new(),
        };
        let result = match (self.case)(&mut write, &self.input).await {
            Ok(value) => match write.finish().await {
                Ok(written) => {
                    *changes = written;
                    Ok(Ok(value))
                }
                Err(error) => Err(Failure::from(error)),
            },
            Err(Failure::Refused(refusals)) => Ok(Err(refusals)),
            Err(failure) => Err(failure),
        };
        let result = match result {
            Ok(result) => result,
            Err(Failure::Forbidden) => return Ok((Ended::Forbidden, false)),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Refused(refusals)) => Err(refusals),
        };
        if let Some(savepoint) = savepoint {
            match &result {
                Ok(_) => savepoint.commit().await?,
                Err(_) => savepoint.rollback().await?,
            }
        }
        if let Some(key) = &self.key {
            idempotency::keep(transaction, key, self.clock.machine(), result.as_ref()).await?;
        }
        let keep = result.is_ok() || self.key.is_some();
        let ended = match result {
            Ok(value) => Ended::Done {
                value,
                replayed: false,
            },
            Err(refusals) => Ended::Refused {
                refusals,
                replayed: false,
            },
        };
        Ok((ended, keep))
    }
}

struct Queued<I, T> {
    work: Work<I, T>,
    log: Arc<Log>,
    changes: Appended,
    result: Option<Ended<T>>,
    /// When its own statements had run, where that is asked for.
    ran_at: Option<Instant>,
    reply: oneshot::Sender<Result<Ended<T>, StoreError>>,
}

impl<I, T> group_commit::Job for Queued<I, T>
where
    I: Send + Sync,
    T: Serialize + DeserializeOwned + Send + Sync,
{
    fn run<'a>(&'a mut self, savepoint: &'a DatabaseTransaction) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (ended, keep) = self.work.run(savepoint, &mut self.changes).await?;
            self.result = Some(ended);
            self.ran_at = self.work.spent.as_ref().map(|_| Instant::now());
            Ok(keep)
        })
    }

    fn ended(self: Box<Self>, result: Result<(), StoreError>) {
        if let (Some(spent), Some(ran_at)) = (&self.work.spent, self.ran_at) {
            spent.committed(ran_at, result.is_err());
        }
        let Self {
            log,
            changes,
            result: ended,
            reply,
            ..
        } = *self;
        if result.is_ok() {
            log.wrote(&changes);
        }
        // The caller may have gone; what is written stays written.
        let _ = reply.send(result.and_then(|()| ended.ok_or(StoreError::Stopping)));
    }
}

/// Forgets idempotency keys of before an instant.
pub(super) async fn forget_keys(
    transaction: &DatabaseTransaction,
    before: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    idempotency::forget(transaction, before).await
}
