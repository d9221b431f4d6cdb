//! The database: SQLite (one file, the default) or PostgreSQL, behind one door.
//!
//! Reads go through [`Database::reader`], any number at once. Everything that writes is a use case handed
//! to [`Database::write`]: one transaction that holds the rows, the audit entry and the change-log rows
//! (docs/adr/0002). Only [`write::Write`] can write, and one that recorded nothing is rolled back.

pub mod backup;
pub mod bulk;
mod connect;
mod error;
mod group_commit;
mod in_use;
mod incarnation;
pub mod keyset;
mod lease;
mod lent;
mod migrate;
mod reader;
pub mod row;
pub mod setting;
mod stall;
pub mod write;
mod year;

use std::{
    collections::HashSet,
    fs::File,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, Statement,
    TransactionTrait as _, sea_query::LockType,
};

pub use connect::{Location, Options};
pub use error::StoreError;
pub use in_use::{folder_of, hold_alone, share};
pub use incarnation::Incarnation;
pub use lease::Lease;
pub use migrate::migrate;
pub use reader::Reader;
pub use year::this_year;

use crate::{
    kernel::{clock::Clock, rules::Rules},
    live::Log,
    telemetry::{self, Spent, Telemetry},
};

/// How a mutation locks the rows it is about to write (PostgreSQL; SQLite has one writer). Not FOR UPDATE: that also
/// waits for everybody who inserted a row referring to this one, whose foreign key holds it FOR KEY SHARE, in whatever
/// order its rows came, so that trainings, pairings and branches deadlocked. No mutation changes a key.
pub const ROW_LOCK: LockType = LockType::NoKeyUpdate;

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
    reader: Arc<Reader>,
}

struct Inner {
    writer: DatabaseConnection,
    /// SQLite's one writer; PostgreSQL has as many as it has connections.
    group_commit: Option<group_commit::Handle>,
    /// Idempotency keys whose first request is still running here (SQLite; PostgreSQL has advisory locks).
    in_flight: Mutex<HashSet<(String, String)>>,
    statements: Arc<AtomicU64>,
    incarnation: OnceLock<Incarnation>,
    location: Location,
    clock: Clock,
    rules: Rules,
    /// Of a demonstration: read from its database at start, like its business date.
    figures_from: OnceLock<NaiveDate>,
    log: Arc<Log>,
    telemetry: telemetry::Slot,
    patience: stall::Patience,
    /// Says that the file is in use, for as long as it is held (SQLite).
    _in_use: Option<File>,
}

/// How many times as long as for a statement one of the service's own transactions is waited for.
const HOUSEKEEPING: u32 = 8;

impl Database {
    /// Where reads go. It cannot write: on SQLite the connections are `query_only`.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// A handle for one request: its reads share a connection, from the first of them until the last clone of the
    /// handle is dropped. Not for what waits between its reads, as a subscription does: it would keep others from
    /// the connection meanwhile.
    ///
    /// `spent`: where what it spends is added up.
    pub fn for_one_request(&self, spent: Option<Arc<Spent>>) -> Self {
        Self {
            inner: self.inner.clone(),
            reader: Arc::new(self.reader.on_one_connection(spent)),
        }
    }

    /// A handle that shares no connection with a request: for what goes on after it, or waits between its reads.
    pub fn for_its_own(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            reader: Arc::new(self.reader.on_any_connection()),
        }
    }

    /// SQLite or PostgreSQL.
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Whether all writers stand in one queue, as SQLite has it; else each takes a connection of the pool.
    pub fn has_one_writer(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// Where the data lies.
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// SQL statements sent since start; the tests bound a request's statements with it.
    pub fn statements(&self) -> u64 {
        self.inner.statements.load(Ordering::Relaxed)
    }

    /// What the service tells of itself; None where that is off.
    pub fn telemetry(&self) -> Option<&Telemetry> {
        self.inner.telemetry.get()
    }

    /// From now on statements and writes are told of there; the first one stands.
    pub fn watch_with(&self, telemetry: Telemetry) {
        let _ = self.inner.telemetry.set(telemetry);
    }

    /// The pools of connections: what each is for, how many connections it has, and how many of them nobody uses.
    pub fn pools(&self) -> Vec<(&'static str, u32, usize)> {
        let mut pools = vec![("read", self.reader.pool())];
        // PostgreSQL has one for both.
        if self.backend() == DbBackend::Sqlite {
            pools.push(("write", &self.inner.writer));
        }
        let of = |(name, pool): (&'static str, &DatabaseConnection)| match pool.get_database_backend() {
            DbBackend::Sqlite => {
                let pool = pool.get_sqlite_connection_pool();
                (name, pool.size(), pool.num_idle())
            }
            _ => {
                let pool = pool.get_postgres_connection_pool();
                (name, pool.size(), pool.num_idle())
            }
        };
        pools.into_iter().map(of).collect()
    }

    /// How long ago the oldest transaction began that has written and is still open, as far as the role may see, in seconds; it
    /// holds the change feed back (PostgreSQL).
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn oldest_writer(&self) -> Result<Option<f64>, StoreError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let sql = "SELECT COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - xact_start)), 0)::float8 AS age \
                   FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.reader.query_one_raw(statement).await?;
        row.map(|row| row.try_get("", "age"))
            .transpose()
            .map_err(StoreError::from)
    }

    /// The clocks that writes are stamped with.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The numbers of the domain's rules that the deployment set.
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    /// From now on figures are counted from this day, whatever the deployment set; the first one stands.
    pub fn pin_figures_from(&self, day: NaiveDate) {
        let _ = self.inner.figures_from.set(day);
    }

    /// The first day from which a year's figures count what was founded, elected and trained (docs/domain.md, 19).
    pub fn figures_from(&self, year: i32) -> NaiveDate {
        let set = self
            .inner
            .figures_from
            .get()
            .copied()
            .or(self.inner.rules.figures_from);
        set.or_else(|| NaiveDate::from_ymd_opt(year, 1, 1))
            .unwrap_or(NaiveDate::MIN)
    }

    /// Whether the audit trail needs a sealer: on PostgreSQL the order of commits is known only afterwards.
    pub fn seals_afterwards(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// Chains audit entries that are not chained yet (PostgreSQL; SQLite chains in its writer). One sealer at a time.
    pub async fn seal_audit(&self) -> Result<u64, StoreError> {
        self.housekeep(|transaction| Box::pin(crate::audit::store::seal(transaction)))
            .await
    }

    /// Deletes what is kept for a time only: idempotency keys and change-log rows older than given.
    pub async fn prune(
        &self,
        keys_before: DateTime<Utc>,
        changes_before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let prune = async {
            let transaction = self.inner.writer.begin().await?;
            write::forget_keys(&transaction, keys_before).await?;
            crate::live::store::prune(&transaction, changes_before).await?;
            transaction.commit().await?;
            Ok(())
        };
        self.inner
            .patience
            .transaction(HOUSEKEEPING, Box::pin(prune))
            .await
    }

    /// Runs what keeps derived rows in order and changes nothing that anybody reads, in a transaction of its own: nothing
    /// of it is audited.
    pub async fn housekeep<T>(
        &self,
        work: for<'a> fn(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let run = async {
            let transaction = self.inner.writer.begin().await?;
            let done = work(&transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        self.inner.patience.transaction(HOUSEKEEPING, Box::pin(run)).await
    }

    /// The change log as this process knows it.
    pub fn log(&self) -> &Log {
        &self.inner.log
    }

    /// Wakes who listens to a channel of PostgreSQL; on SQLite nobody does.
    pub async fn notify(&self, channel: &str) -> Result<(), StoreError> {
        if self.backend() == DbBackend::Postgres {
            let sql = "SELECT pg_notify($1, '')";
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [channel.into()]);
            self.reader.query_one_raw(statement).await?;
        }
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reader.ping().await?)
    }

    /// Ends the connections, after what still runs on them.
    pub async fn close(self) {
        if let Some(handle) = &self.inner.group_commit {
            handle.close().await;
        }
        let close = async {
            let _ = self.inner.writer.close_by_ref().await;
            let _ = self.reader.close_pool().await;
            Ok::<_, StoreError>(())
        };
        // The connections of a dead network do not come back.
        let _ = self.inner.patience.statement(close).await;
    }
}
