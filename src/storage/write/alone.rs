//! A write in a transaction of its own (PostgreSQL), again where it got in another's way.

use std::time::Instant;

use sea_orm::TransactionTrait as _;
use serde::{Serialize, de::DeserializeOwned};

use super::work::{Ended, Work};
use crate::{
    kernel::clock::pause,
    live::store::Appended,
    storage::{Database, StoreError},
    telemetry::Spent,
};

impl Database {
    /// PostgreSQL: a transaction of its own, again when it got in another's way.
    pub(super) async fn write_alone<I, T>(&self, work: &Work<I, T>) -> Result<Ended<T>, StoreError>
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
