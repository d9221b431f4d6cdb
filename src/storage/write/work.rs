//! A use case in a transaction: looked up under its key, run, and kept.

use std::{sync::Arc, time::Instant};

use sea_orm::{DatabaseTransaction, TransactionTrait as _};
use serde::{Serialize, de::DeserializeOwned};

use super::{Actor, Failure, IdempotencyKey, UseCase, Write, idempotency};
use crate::{
    kernel::{clock::Clock, refusal::Refusal, rules::Rules},
    live::store::Appended,
    storage::StoreError,
    telemetry::Spent,
};

/// What a use case came to.
pub(super) enum Ended<T> {
    Done { value: T, replayed: bool },
    Refused { refusals: Vec<Refusal>, replayed: bool },
    Forbidden,
    InFlight,
    OtherBody,
}

/// A use case with all that it runs on.
pub(super) struct Work<I, T> {
    pub(super) clock: Clock,
    pub(super) rules: Rules,
    pub(super) incarnation: i64,
    pub(super) actor: Actor,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) input: I,
    pub(super) case: UseCase<I, T>,
    /// Where what the request spends is added up, if it is watched.
    pub(super) spent: Option<Arc<Spent>>,
}

impl<I, T> Work<I, T>
where
    T: Serialize + DeserializeOwned,
{
    /// Runs it; gives the end it came to, and whether that is to be committed.
    pub(super) async fn run(
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
