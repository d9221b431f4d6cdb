//! A connection of the pool while somebody reads with it, and what becomes of a statement whose reader has gone.
//!
//! SQLite knows no limit of time: a statement that nobody waits for any more, because its request was over time or its caller hung up,
//! would go on in its connection's thread, and four of those are all the readers there are. So SQLite asks every few thousand steps
//! (sqlite.org/c3ref/progress_handler.html) whether somebody waits still. PostgreSQL would go on until `statement_timeout`, with one of
//! the pool's connections: that one is closed, and the server looks every second whether its client is there
//! (`client_connection_check_interval`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr,
    sqlx::{self, Postgres, Sqlite, pool::PoolConnection},
};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::kernel::clock::pause;

/// Steps of SQLite's virtual machine between two questions, a fraction of a millisecond.
const STEPS: i32 = 10_000;

/// Connections that are closed while the server may not have seen it: it still counts them, beside those that take their place. One
/// more goes back to the pool, which waits for its statement.
static CLOSING: Semaphore = Semaphore::const_new(8);

/// After which the server has seen it.
const SEEN: Duration = Duration::from_secs(2);

/// A connection taken from the pool.
pub(super) struct Lent<DB: sqlx::Database> {
    /// None once it is dropped.
    connection: Option<PoolConnection<DB>>,
    left: Arc<AtomicBool>,
    /// What becomes of it when a statement was left.
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The statement ends by itself, and the connection goes on.
    GoesBack,
    /// The server is to see that nobody is there.
    Closed,
}

impl Lent<Sqlite> {
    /// From now on a statement that is left ends. Costs a round trip to the connection's thread.
    pub(super) async fn sqlite(mut connection: PoolConnection<Sqlite>) -> Result<Self, DbErr> {
        let left = Arc::new(AtomicBool::new(false));
        let asked = left.clone();
        connection
            .lock_handle()
            .await
            .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?
            .set_progress_handler(STEPS, move || !asked.load(Ordering::Relaxed));
        Ok(Self {
            connection: Some(connection),
            left,
            then: Then::GoesBack,
        })
    }
}

impl Lent<Postgres> {
    /// From now on it is closed when a statement is left.
    #[expect(clippy::unused_async, reason = "as the other database's")]
    pub(super) async fn postgres(connection: PoolConnection<Postgres>) -> Result<Self, DbErr> {
        Ok(Self {
            connection: Some(connection),
            left: Arc::default(),
            then: Then::Closed,
        })
    }
}

impl<DB: sqlx::Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.then == Then::Closed
            && self.is_left()
            && let Ok(runtime) = Handle::try_current()
            && let Ok(closing) = CLOSING.try_acquire()
            && let Some(connection) = self.connection.take()
        {
            // Without a goodbye, which would wait for the statement.
            drop(connection.detach());
            runtime.spawn(async move {
                pause(SEEN).await;
                drop(closing);
            });
        }
    }
}

impl<DB: sqlx::Database> Lent<DB> {
    /// Whether a statement was left in the middle.
    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// To run a statement with; whoever drops the second before it has [ended](Running::ended) has left it.
    pub(super) fn run(&mut self) -> Result<(&mut DB::Connection, Running), DbErr> {
        let running = Running(Some(self.left.clone()));
        match &mut self.connection {
            Some(connection) => Ok((connection, running)),
            None => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
        }
    }
}

/// A statement that runs.
pub(super) struct Running(Option<Arc<AtomicBool>>);

impl Running {
    /// It has been answered.
    pub(super) fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.store(true, Ordering::Relaxed);
        }
    }
}
