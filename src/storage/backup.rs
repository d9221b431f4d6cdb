//! Copies of a SQLite database: made beside a running service, looked through, and put in a database's place.

mod place;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::Path,
    time::Duration,
};

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, SqlxSqliteConnector, Statement,
    sqlx::{
        self, ConnectOptions as _, Connection as _,
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};

pub use place::{Step, flush_folder, fold_in, left_beside, put_in_place, take_after};

use super::StoreError;
use crate::audit;

/// Faults of a file that are told; there may be thousands.
const TOLD: u32 = 10;

/// Why a file is no copy that could be put in a database's place.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// Another format, or none.
    #[error("it is no SQLite database")]
    NotSqlite,
    /// Another program's database.
    #[error("it is a SQLite database, but none of zhibu")]
    NotZhibu,
    /// What SQLite found.
    #[error("it is damaged: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// A step of the schema that this version does not know.
    #[error("it is of a newer version of zhibu, with the migration {0}")]
    Newer(String),
    /// The audit trail was changed, or its file was.
    #[error("its audit chain is broken at position {0}")]
    Chain(i64),
    /// Reading it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Reading it.
    #[error("{}", said(.0))]
    Store(#[from] StoreError),
}

fn said(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// What a copy that holds together holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Tables, those of migrations and the like too.
    pub tables: usize,
    /// Rows of them all.
    pub rows: i64,
    /// Size of the file.
    pub bytes: u64,
    /// Position of the last audit entry; 0 where there is none.
    pub position: i64,
    /// Its link.
    pub head: audit::chain::Link,
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        // What takes long here is no slow statement.
        .disable_statement_logging()
}

/// Writes what is committed now into `target`, a new or an empty file.
///
/// `VACUUM INTO` reads in one transaction: writers go on beside it, and what they append to the `-wal` file stays there
/// until it is through. SQLite's backup interface would begin anew with every page that another connection writes.
pub async fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let mut connection = options(source).connect().await?;
    let target = target.to_string_lossy().into_owned();
    let copied = sqlx::query("VACUUM INTO ?")
        .bind(target)
        .execute(&mut connection)
        .await;
    connection.close().await?;
    copied?;
    Ok(())
}

/// Reads a copy from its first page to its last: whether SQLite finds it whole, whether it is zhibu's and not of a newer
/// version, and whether its audit chain holds. Nothing is written.
pub async fn look_through(path: &Path) -> Result<Holding, CopyFault> {
    let bytes = fs::metadata(path)?.len();
    let mut magic = [0; 16];
    let read = io::Read::read(&mut File::open(path)?, &mut magic)?;
    if read < magic.len() || &magic != b"SQLite format 3\0" {
        return Err(CopyFault::NotSqlite);
    }
    // Immutable: nobody else has it, and no -wal or -shm is made beside it.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options(path).read_only(true).immutable(true))
        .await
        .map_err(StoreError::from)?;
    let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    let found = look(&connection, bytes).await;
    let closed = connection.close().await.map_err(StoreError::from);
    let holding = found?;
    closed?;
    Ok(holding)
}

async fn look(connection: &DatabaseConnection, bytes: u64) -> Result<Holding, CopyFault> {
    let faults = faults_of_file(connection).await?;
    if !faults.is_empty() {
        return Err(CopyFault::Damaged(faults));
    }
    let tables = texts(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .await?;
    if !tables.iter().any(|table| table == "seaql_migrations") {
        return Err(CopyFault::NotZhibu);
    }
    let known: BTreeSet<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let steps = texts(
        connection,
        "SELECT version FROM seaql_migrations ORDER BY version",
    )
    .await?;
    if !steps.iter().any(|step| known.contains(step)) {
        return Err(CopyFault::NotZhibu);
    }
    if let Some(newer) = steps.into_iter().find(|step| !known.contains(step)) {
        return Err(CopyFault::Newer(newer));
    }
    let mut rows = 0;
    for table in &tables {
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        let row = connection
            .query_one_raw(statement)
            .await
            .map_err(StoreError::from)?;
        rows += match row {
            Some(row) => row.try_get_by_index::<i64>(0).map_err(StoreError::from)?,
            None => 0,
        };
    }
    let chain = audit::store::verify(connection).await?;
    if let Some(position) = chain.broken_at {
        return Err(CopyFault::Chain(position));
    }
    Ok(Holding {
        tables: tables.len(),
        rows,
        bytes,
        position: i64::try_from(chain.sealed).unwrap_or(i64::MAX),
        head: chain.head,
    })
}

/// What SQLite finds wrong with its file, at most ten faults (`PRAGMA integrity_check`, `PRAGMA foreign_key_check`); empty on
/// PostgreSQL, which has its own means.
pub async fn faults_of_file(connection: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    if connection.get_database_backend() != DbBackend::Sqlite {
        return Ok(Vec::new());
    }
    let mut faults = texts(connection, &format!("PRAGMA integrity_check({TOLD})")).await?;
    faults.retain(|fault| fault != "ok");
    if faults.is_empty() {
        let sql = format!("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check LIMIT {TOLD}");
        let tables = texts(connection, &sql).await?;
        let told = tables
            .iter()
            .map(|table| format!("rows of {table} refer to none"));
        faults.extend(told);
    }
    Ok(faults)
}

async fn texts(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, StoreError> {
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let rows = connection.query_all_raw(statement).await?;
    let texts = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(texts.collect::<Result<_, _>>()?)
}
