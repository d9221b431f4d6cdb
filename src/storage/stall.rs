//! Connections that do not answer: a dead network says nothing, and sqlx waits for ever.
//!
//! PostgreSQL ends a statement after `statement_timeout`, so an answer that is not there well after it will not come:
//! the server hangs, or nobody is at the other end. Whoever waited is told so (UNAVAILABLE). sqlx asks a connection for a
//! sign of life before it takes it back, without a limit, so that a dead one would keep its place in the pool until the
//! operating system gives up on it (tcp_retries2: a quarter of an hour). While connections are suspected, the pool's hooks
//! ask with a limit, and end those that say nothing. What is left is the instant of sqlx's own question: a connection that comes
//! back just as the wire dies, before anybody has waited in vain.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sea_orm::{DbErr, RuntimeErr, sqlx};
use tokio::time::Instant;

/// How long connections are suspected after one did not answer, or was left in the middle of a statement.
const SUSPECTED: Duration = Duration::from_secs(60);
/// How long a suspected connection has for its sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long to wait for answers, and whether connections are suspected. Cheap to clone; clones share the suspicion.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    /// Of a statement; none where the database is a file.
    pub(super) statement: Option<Duration>,
    suspected_until: Arc<Mutex<Option<Instant>>>,
}

impl Patience {
    pub(super) fn new(statement: Option<Duration>) -> Self {
        Self {
            statement,
            suspected_until: Arc::default(),
        }
    }

    /// Waits for a statement.
    pub(super) async fn statement<T, E: From<DbErr>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.within(self.statement, work).await
    }

    /// Waits for a transaction of several statements: `times` as long as for one.
    pub(super) async fn transaction<T, E: From<DbErr>>(
        &self,
        times: u32,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.within(self.statement.map(|one| one.saturating_mul(times)), work)
            .await
    }

    async fn within<T, E: From<DbErr>>(
        &self,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(limit) = limit else {
            return work.await;
        };
        let work = pin!(work);
        // Dropped before the work is: what it lets go of is looked at.
        let mut watch = Watch {
            patience: self,
            answered: false,
        };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => {
                watch.answered = true;
                result
            }
            Err(_) => {
                tracing::warn!(?limit, "the database does not answer");
                let text = format!("no answer within {limit:?}");
                Err(E::from(DbErr::Conn(RuntimeErr::Internal(text))))
            }
        }
    }

    fn suspect(&self) {
        let mut until = self
            .suspected_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + SUSPECTED);
    }

    fn is_suspected(&self) -> bool {
        let until = *self
            .suspected_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether a connection may be used: at once where none is suspected, else after a sign of life.
    pub(super) async fn lives<C: sqlx::Connection>(&self, connection: &mut C) -> Result<bool, sqlx::Error> {
        if !self.is_suspected() {
            return Ok(true);
        }
        match tokio::time::timeout(SIGN_OF_LIFE, connection.ping()).await {
            Ok(answer) => answer.map(|()| true),
            // An error and not `false`: that would say goodbye first, to nobody.
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }
}

/// Suspects the connections of work that was given up, or left by who asked for it.
struct Watch<'a> {
    patience: &'a Patience,
    answered: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.patience.suspect();
        }
    }
}
