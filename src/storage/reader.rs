//! Where reads go: the pool, or the one connection that all reads of a request share.
//!
//! A pool asks a connection for a sign of life each time it comes back (sqlx), a round trip of its own: with a
//! connection a statement it would cost an answer of eight statements eight of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector, Statement, Values,
    sqlx::{self, AssertSqlSafe, Pool, Postgres, Sqlite, pool::PoolConnection},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;

use super::{error::ends_connection, lent::Lent, stall::Patience};
use crate::telemetry::{self, Spent, Telemetry, instruments::operation_of};

/// A door to the database for reading.
pub struct Reader {
    pool: DatabaseConnection,
    held: Held,
    statements: Arc<AtomicU64>,
    telemetry: telemetry::Slot,
    /// Where what a request spends is added up, if it is watched.
    spent: Option<Arc<Spent>>,
    patience: Patience,
}

/// Where a connection is kept.
type Slot<DB> = Mutex<Option<Lent<DB>>>;

/// A connection taken with the first statement, and given back when the reader is dropped.
enum Held {
    /// Each statement takes one from the pool.
    None,
    Sqlite(Slot<Sqlite>),
    Postgres(Slot<Postgres>),
}

impl Held {
    /// An empty place for a connection of a database.
    fn of(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Sqlite => Self::Sqlite(Mutex::default()),
            DbBackend::Postgres => Self::Postgres(Mutex::default()),
            _ => Self::None,
        }
    }
}

impl Reader {
    /// A reader whose statements each take a connection from the pool.
    pub(super) fn of_pool(
        pool: DatabaseConnection,
        statements: Arc<AtomicU64>,
        telemetry: telemetry::Slot,
        patience: Patience,
    ) -> Self {
        Self {
            pool,
            held: Held::None,
            statements,
            telemetry,
            spent: None,
            patience,
        }
    }

    /// `db.system.name` of a database (OpenTelemetry).
    pub(super) fn system(backend: DbBackend) -> &'static str {
        match backend {
            DbBackend::Sqlite => "sqlite",
            _ => "postgresql",
        }
    }

    /// Where what it spends is added up.
    pub(super) fn spent(&self) -> Option<&Arc<Spent>> {
        self.spent.as_ref()
    }

    pub(super) fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// A reader of the same pool whose statements each take a connection, and are not counted among those of requests.
    pub(super) fn on_any_connection(&self) -> Self {
        // Of its own over the same pool: the other one counts.
        let pool = match self.pool.get_database_backend() {
            DbBackend::Sqlite => {
                SqlxSqliteConnector::from_sqlx_sqlite_pool(self.pool.get_sqlite_connection_pool().clone())
            }
            _ => SqlxPostgresConnector::from_sqlx_postgres_pool(
                self.pool.get_postgres_connection_pool().clone(),
            ),
        };
        Self::of_pool(
            pool,
            Arc::default(),
            self.telemetry.clone(),
            self.patience.clone(),
        )
    }

    /// A reader of the same pool whose statements go over one connection, one after the other.
    pub(super) fn on_one_connection(&self, spent: Option<Arc<Spent>>) -> Self {
        Self {
            pool: self.pool.clone(),
            held: Held::of(self.pool.get_database_backend()),
            statements: self.statements.clone(),
            telemetry: self.telemetry.clone(),
            spent,
            patience: self.patience.clone(),
        }
    }

    /// Gives the connection back now; the next statement takes another. Whoever waits for a connection while holding
    /// one would wait for those who do the same.
    pub(super) async fn release(&self) {
        match &self.held {
            Held::None => {}
            Held::Sqlite(connection) => drop(connection.lock().await.take()),
            Held::Postgres(connection) => drop(connection.lock().await.take()),
        }
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        self.patience.statement(self.pool.ping()).await
    }

    /// Ends the pool's connections.
    pub(super) async fn close_pool(&self) -> Result<(), DbErr> {
        self.pool.close_by_ref().await
    }
}

impl Reader {
    /// When a statement begins, and what it is; nothing where nobody asks.
    fn timed(&self, statement: &Statement) -> Option<(Instant, &'static str)> {
        let watched = self.spent.is_some() || self.telemetry.get().is_some();
        watched.then(|| (Instant::now(), operation_of(&statement.sql)))
    }

    fn ran(&self, timed: Option<(Instant, &'static str)>, failed: bool) {
        if !failed {
            self.statements.fetch_add(1, Ordering::Relaxed);
        }
        let Some((began, operation)) = timed else { return };
        if let Some(spent) = &self.spent {
            spent.statements(1, began);
        }
        if let Some(metrics) = self.telemetry.get().and_then(Telemetry::metrics) {
            let system = Self::system(self.get_database_backend());
            metrics.statement(system, operation, began.elapsed(), failed);
        }
    }
}

/// Runs a statement on the connection in a slot, which is filled from the pool first where it is empty.
macro_rules! on_connection {
    ($slot:expr, $lend:ident, $pool:expr, $telemetry:expr, $statement:expr, $fetch:ident) => {{
        let mut slot = $slot.lock().await;
        // Somebody left it in the middle of a statement: another is sooner free.
        slot.take_if(|lent| lent.is_left());
        let lent = match &mut *slot {
            Some(lent) => lent,
            empty => empty.insert(Lent::$lend(acquire($pool, &$telemetry).await?).await?),
        };
        let Statement { sql, values, .. } = $statement;
        let values = SqlxValues(values.unwrap_or_else(|| Values(Vec::new())));
        let (connection, running) = lent.run()?;
        let answer = sqlx::query_with(AssertSqlSafe(sql), values)
            .$fetch(connection)
            .await;
        running.ended();
        answer.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))?
    }};
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(only_reads())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(only_reads())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let answer = self.patience.statement(Box::pin(self.query_one(statement))).await;
        self.after(answer).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let answer = self.patience.statement(Box::pin(self.query_all(statement))).await;
        self.after(answer).await
    }
}

impl Reader {
    /// Lets go of a connection that does not answer, so that what else the request reads takes another.
    async fn after<T>(&self, answer: Result<T, DbErr>) -> Result<T, DbErr> {
        if answer.as_ref().is_err_and(ends_connection) {
            self.release().await;
        }
        answer
    }

    /// Where the connection of the next statement is kept: the pool lends one for it alone, so that it can be left, where none is held.
    fn held<'a>(&'a self, own: &'a mut Option<Held>) -> &'a Held {
        match &self.held {
            Held::None => own.insert(Held::of(self.pool.get_database_backend())),
            held => held,
        }
    }

    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut own = None;
        let timed = self.timed(&statement);
        let run = async {
            Ok(match self.held(&mut own) {
                Held::Sqlite(slot) => {
                    let pool = self.pool.get_sqlite_connection_pool();
                    on_connection!(slot, sqlite, pool, self.telemetry, statement, fetch_optional)
                        .map(QueryResult::from)
                }
                Held::Postgres(slot) => {
                    let pool = self.pool.get_postgres_connection_pool();
                    on_connection!(slot, postgres, pool, self.telemetry, statement, fetch_optional)
                        .map(QueryResult::from)
                }
                Held::None => self.pool.query_one_raw(statement).await?,
            })
        };
        let row: Result<_, DbErr> = run.await;
        self.ran(timed, row.is_err());
        row
    }

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut own = None;
        let timed = self.timed(&statement);
        let run = async {
            Ok(match self.held(&mut own) {
                Held::Sqlite(slot) => {
                    let pool = self.pool.get_sqlite_connection_pool();
                    let rows = on_connection!(slot, sqlite, pool, self.telemetry, statement, fetch_all);
                    rows.into_iter().map(QueryResult::from).collect()
                }
                Held::Postgres(slot) => {
                    let pool = self.pool.get_postgres_connection_pool();
                    let rows = on_connection!(slot, postgres, pool, self.telemetry, statement, fetch_all);
                    rows.into_iter().map(QueryResult::from).collect()
                }
                Held::None => self.pool.query_all_raw(statement).await?,
            })
        };
        let rows: Result<Vec<QueryResult>, DbErr> = run.await;
        self.ran(timed, rows.is_err());
        rows
    }
}

/// Writes go in at the other door ([`Database::write`](super::Database::write)).
fn only_reads() -> DbErr {
    DbErr::Custom("a reader only reads".to_owned())
}

/// Among those who wait for a connection, until it is dropped.
struct Waiting<'a>(Option<&'a telemetry::instruments::Metrics>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.waited();
        }
    }
}

async fn acquire<DB: sqlx::Database>(
    pool: &Pool<DB>,
    telemetry: &telemetry::Slot,
) -> Result<PoolConnection<DB>, DbErr> {
    let metrics = telemetry.get().and_then(Telemetry::metrics);
    if let Some(metrics) = metrics {
        metrics.waits();
    }
    let _waiting = Waiting(metrics);
    pool.acquire().await.map_err(|error| match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
    })
}
