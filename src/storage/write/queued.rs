//! A write among those that share a commit (SQLite).

use std::{sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::work::{Ended, Work};
use crate::{
    live::{Log, store::Appended},
    storage::{StoreError, group_commit},
};

/// A write that waits for SQLite's one writer.
pub(super) struct Queued<I, T> {
    pub(super) work: Work<I, T>,
    pub(super) log: Arc<Log>,
    pub(super) changes: Appended,
    pub(super) result: Option<Ended<T>>,
    /// When its own statements had run, where that is asked for.
    pub(super) ran_at: Option<Instant>,
    pub(super) reply: oneshot::Sender<Result<Ended<T>, StoreError>>,
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
