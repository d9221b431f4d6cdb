//! Opening the database, with the settings that the promises rest on.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DbErr, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        Connection as _, Executor as _,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use super::{Database, Inner, Reader, StoreError, group_commit, in_use, stall::Patience};
use crate::{
    kernel::{clock::Clock, rules::Rules},
    telemetry::{self, instruments::operation_of},
};

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file, made when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL connection URL.
    Postgres(String),
}

/// What a deployment may set about its connections.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections of the PostgreSQL pool, or readers of SQLite, at most.
    pub max_connections: u32,
    /// The longest a statement may run on PostgreSQL.
    pub statement_timeout: Duration,
    /// The longest a request waits for a connection before it is UNAVAILABLE.
    pub acquire_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 16,
            statement_timeout: Duration::from_secs(20),
            acquire_timeout: Duration::from_secs(3),
        }
    }
}

impl Database {
    /// Opens the database; migrates nothing.
    pub async fn open(
        location: Location,
        options: &Options,
        clock: Clock,
        rules: Rules,
    ) -> Result<Self, StoreError> {
        let statements = Arc::new(AtomicU64::new(0));
        let mut patience = Patience::default();
        let mut in_use = None;
        let (mut reader, mut writer) = match &location {
            Location::Sqlite(path) => {
                in_use = Some(share(path)?);
                open_sqlite(path, options).await?
            }
            Location::Postgres(url) => {
                let grace = Duration::from_secs(2);
                patience = Patience::new(Some(options.statement_timeout + options.acquire_timeout + grace));
                let pool = open_postgres(url, options, patience.clone())?;
                (pool.clone(), pool)
            }
        };
        let telemetry = telemetry::Slot::default();
        let system = Reader::system(reader.get_database_backend());
        for connection in [&mut reader, &mut writer] {
            let (statements, telemetry) = (statements.clone(), telemetry.clone());
            connection.set_metric_callback(move |info| {
                statements.fetch_add(1, Ordering::Relaxed);
                if let Some(metrics) = telemetry.get().and_then(telemetry::Telemetry::metrics) {
                    let operation = operation_of(&info.statement.sql);
                    metrics.statement(system, operation, info.elapsed, info.failed);
                }
            });
        }
        let group_commit = matches!(location, Location::Sqlite(_))
            .then(|| group_commit::Handle::spawn(writer.clone(), telemetry.clone()));
        Ok(Self {
            reader: Arc::new(Reader::of_pool(
                reader,
                statements.clone(),
                telemetry.clone(),
                patience.clone(),
            )),
            inner: Arc::new(Inner {
                writer,
                group_commit,
                in_flight: Mutex::new(HashSet::new()),
                statements,
                incarnation: OnceLock::new(),
                location,
                clock,
                rules,
                figures_from: OnceLock::new(),
                log: Arc::default(),
                telemetry,
                patience,
                _in_use: in_use,
            }),
        })
    }
}

fn share(path: &std::path::Path) -> Result<std::fs::File, StoreError> {
    let shared = in_use::share(path).map_err(sea_orm::sqlx::Error::Io)?;
    shared.ok_or_else(|| {
        let text = format!("{} is being restored by another process", path.display());
        StoreError::Unavailable(DbErr::Custom(text))
    })
}

async fn open_sqlite(
    path: &std::path::Path,
    options: &Options,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let base = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: an answered write is on the disk, also when the power goes.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-4096");
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(60))
        // An error such as a full disk may end a transaction by itself; sqlx goes on counting it as open, and could
        // begin no other on this connection.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // A rollback may be on its way.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(base.clone())
        .await?;
    let reader = SqlitePoolOptions::new()
        .max_connections(options.max_connections.min(4))
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(options.acquire_timeout)
        // Asking before each loan costs a round trip to the connection's thread; a file does not go away.
        .test_before_acquire(false)
        .connect_lazy_with(base.pragma("query_only", "ON"));
    Ok((
        SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
    ))
}

fn open_postgres(url: &str, options: &Options, patience: Patience) -> Result<DatabaseConnection, StoreError> {
    let connect: PgConnectOptions = url.parse::<PgConnectOptions>()?;
    let connect = connect.application_name("zhibu").options([
        (
            "statement_timeout",
            format!("{}ms", options.statement_timeout.as_millis()),
        ),
        // A transaction left open holds the change feed back for everybody (docs/adr/0003).
        ("idle_in_transaction_session_timeout", "15s".to_owned()),
        ("lock_timeout", "10s".to_owned()),
        // A statement's shape is its text, so that values hardly change its plan; planning a list of 50 keys anew each
        // time costs more than running it.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // How many rows a parameter unfolds to is guessed at a hundred: what is cheap was compiled for 30 ms.
        ("jit", "off".to_owned()),
        ("timezone", "UTC".to_owned()),
    ]);
    let released = patience.clone();
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        // Whose statement was left closes its connection (lent.rs). Servers on systems that cannot tell say no, and run it to its end.
        .after_connect(|connection, _| {
            Box::pin(async move {
                let looks = connection
                    .execute("SET client_connection_check_interval = '1s'")
                    .await;
                if let Err(error) = looks {
                    tracing::debug!(%error, "client_connection_check_interval");
                }
                Ok(())
            })
        })
        .before_acquire(move |connection, _| {
            let patience = patience.clone();
            Box::pin(async move { patience.lives(connection).await })
        })
        .after_release(move |connection, _| {
            let patience = released.clone();
            Box::pin(async move { patience.lives(connection).await })
        })
        .connect_lazy_with(connect);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// One connection to PostgreSQL, without the timeouts that requests have: for migrations, which take as long as they take.
pub(super) fn open_session(url: &str) -> Result<DatabaseConnection, StoreError> {
    let connect = url.parse::<PgConnectOptions>()?.application_name("zhibu migrate");
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(connect);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}
