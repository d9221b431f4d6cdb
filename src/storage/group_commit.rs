//! SQLite's one writer: concurrent writes share a commit.
//!
//! A task drains the queue into one transaction, a savepoint a job, so that one that fails does not fail
//! its neighbours, and answers them when the commit is on the disk. While it waits for the disk the next
//! ones gather, so the batch grows with the load and a lone write waits for nobody.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures_util::{FutureExt as _, future::BoxFuture};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::telemetry::{self, Telemetry};

/// Jobs that may share one commit: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 128;
/// Writes that may wait; beyond it callers wait to be queued.
const QUEUE: usize = 1024;

/// A write that can be run in somebody's transaction and be told how that ended.
pub(super) trait Job: Send {
    /// Runs in a savepoint of its own. `Ok(false)`: nothing of it is to stay.
    fn run<'a>(&'a mut self, savepoint: &'a DatabaseTransaction) -> BoxFuture<'a, Result<bool, StoreError>>;
    /// The transaction is on the disk, or why it is not.
    fn ended(self: Box<Self>, result: Result<(), StoreError>);
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

pub(super) struct Handle {
    queue: mpsc::Sender<Message>,
}

impl Handle {
    pub(super) fn spawn(writer: DatabaseConnection, telemetry: telemetry::Slot) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(run(writer, receiver, telemetry));
        Self { queue }
    }

    pub(super) async fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.queue
            .send(Message::Job(job))
            .await
            .map_err(|_| StoreError::Stopping)
    }

    /// Ends the task after what is queued has been written.
    pub(super) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = ended.await;
        }
    }
}

async fn run(writer: DatabaseConnection, mut queue: mpsc::Receiver<Message>, telemetry: telemetry::Slot) {
    while let Some(message) = queue.recv().await {
        let first = match message {
            Message::Job(job) => job,
            Message::Close(done) => {
                queue.close();
                let _ = done.send(());
                continue;
            }
        };
        if let Some(done) = write_batch(&writer, first, &mut queue, &telemetry).await {
            queue.close();
            let _ = done.send(());
        }
    }
}

async fn write_batch(
    writer: &DatabaseConnection,
    first: Box<dyn Job>,
    queue: &mut mpsc::Receiver<Message>,
    telemetry: &telemetry::Slot,
) -> Option<oneshot::Sender<()>> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let began = Instant::now();
    let transaction = match writer.begin_with_options(options).await {
        Ok(transaction) => transaction,
        Err(error) => {
            first.ended(Err(error.into()));
            return None;
        }
    };
    let mut written = Vec::new();
    let mut closing = None;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match run_in_savepoint(&transaction, job).await {
            Run::Waits(job) => written.push(job),
            Run::Ended => {}
            Run::Spoilt(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    jobs = written.len(),
                    "a batch is given up"
                );
                let _ = transaction.rollback().await;
                shared(telemetry, written.len(), began, true);
                for job in written {
                    job.ended(Err(StoreError::Unavailable(DbErr::Custom(error.to_string()))));
                }
                return closing;
            }
        }
        if written.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(Message::Job(job)) => next = Some(job),
                Ok(Message::Close(done)) => closing = Some(done),
                Err(_) => {}
            }
        }
    }
    match transaction.commit().await {
        Ok(()) => {
            shared(telemetry, written.len(), began, false);
            for job in written {
                job.ended(Ok(()));
            }
        }
        Err(error) => {
            shared(telemetry, written.len(), began, true);
            let text = error.to_string();
            // Each of those who wait for it says so in a line of its own.
            tracing::debug!(error = %text, jobs = written.len(), "commit failed");
            for job in written {
                // DbErr cannot be shared out whole in every version; each waiter gets the same kind.
                job.ended(Err(StoreError::from(error.clone())));
            }
        }
    }
    closing
}

/// Tells of a commit.
fn shared(telemetry: &telemetry::Slot, writes: usize, began: Instant, failed: bool) {
    if let Some(metrics) = telemetry.get().and_then(Telemetry::metrics) {
        metrics.group_commit(writes, began.elapsed(), failed);
    }
}

/// How it went with a job.
enum Run {
    /// Its fate hangs on the commit.
    Waits(Box<dyn Job>),
    /// It has been told.
    Ended,
    /// It has been told, and nobody can say what became of those before it. SQLite may end a whole transaction by itself when
    /// the disk is full or fails; the savepoint after that would begin another, which a commit would be good for.
    Spoilt(StoreError),
}

impl Run {
    /// Tells a job that the database failed it.
    fn failed(job: Box<dyn Job>, error: StoreError) -> Self {
        let spoilt = matches!(&error, StoreError::Unavailable(_))
            .then(|| StoreError::Unavailable(DbErr::Custom(error.to_string())));
        job.ended(Err(error));
        spoilt.map_or(Self::Ended, Self::Spoilt)
    }

    /// Tells a job that it is not known where its savepoint stands.
    fn lost(job: Box<dyn Job>, error: DbErr) -> Self {
        let error = StoreError::from(error);
        let text = error.to_string();
        job.ended(Err(error));
        Self::Spoilt(StoreError::Unavailable(DbErr::Custom(text)))
    }
}

/// Runs a job.
async fn run_in_savepoint(transaction: &DatabaseTransaction, mut job: Box<dyn Job>) -> Run {
    let savepoint = match transaction.begin().await {
        Ok(savepoint) => savepoint,
        Err(error) => {
            return Run::lost(job, error);
        }
    };
    // A defect in one use case must not end the writer for all.
    let result = AssertUnwindSafe(job.run(&savepoint))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!("a use case panicked; its writes are rolled back");
            Err(StoreError::Corrupt("panic in a use case".to_owned()))
        });
    match result {
        Ok(keep) => {
            let ended = if keep {
                savepoint.commit().await
            } else {
                savepoint.rollback().await
            };
            match ended {
                Ok(()) => Run::Waits(job),
                Err(error) => Run::lost(job, error),
            }
        }
        Err(error) => match savepoint.rollback().await {
            Ok(()) => Run::failed(job, error),
            Err(_) => {
                let text = error.to_string();
                job.ended(Err(error));
                Run::Spoilt(StoreError::Unavailable(DbErr::Custom(text)))
            }
        },
    }
}

#[cfg(test)]
#[path = "group_commit_tests.rs"]
mod tests;
