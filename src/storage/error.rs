//! What can go wrong with the database, told apart by what the caller can do about it.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// A failure of the database, never of the caller. Its text is for the log, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Two transactions got in each other's way (SQLSTATE 40001, 40P01): run it again.
    #[error("transaction conflict")]
    Conflict(#[source] DbErr),
    /// A unique index holds that value already; the text names it.
    #[error("unique violation: {0}")]
    Unique(String),
    /// The database does not answer: it is away, full, locked or shutting down.
    #[error("database unavailable")]
    Unavailable(#[source] DbErr),
    /// A row holds what our types do not know.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// A use case wrote without saying so in the audit trail; rolled back.
    #[error("write without an audit entry")]
    Unaudited,
    /// The write queue is closed: the service is stopping.
    #[error("the service is stopping")]
    Stopping,
    /// Anything else: a defect.
    #[error("database error")]
    Other(#[source] DbErr),
}

impl StoreError {
    /// A transaction that got in another's way, as this code sees it: it is run again from its beginning.
    pub fn conflict(what: &str) -> Self {
        Self::Conflict(DbErr::Custom(what.to_owned()))
    }

    /// A row whose column holds something our types do not know.
    pub fn corrupt(what: &str, value: &str) -> Self {
        Self::Corrupt(format!("{what}: {value:?}"))
    }

    /// Whether the same request may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_) | Self::Stopping)
    }

    /// Whether SQLite found its file damaged, or to be none of its own (SQLITE_CORRUPT, SQLITE_NOTADB).
    pub fn is_damage(&self) -> bool {
        let (Self::Unavailable(error) | Self::Other(error)) = self else {
            return false;
        };
        matches!(of_sqlx(error), Some(sqlx::Error::Database(error)) if matches!(primary(error.as_ref()), Some(11 | 26)))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(text)) = error.sql_err() {
            return Self::Unique(text);
        }
        let kind = match &error {
            DbErr::ConnectionAcquire(_) => Kind::Unavailable,
            error if of_sqlx(error).is_some() => of_sqlx(error).map_or(Kind::Other, classify),
            DbErr::Conn(_) => Kind::Unavailable,
            _ => Kind::Other,
        };
        match kind {
            Kind::Conflict => Self::Conflict(error),
            Kind::Unavailable => Self::Unavailable(error),
            Kind::Other => Self::Other(error),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
    }
}

fn of_sqlx(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// Whether nothing more will come over the connection that this came from: the wire, its other end or its thread is gone.
pub(super) fn ends_connection(error: &DbErr) -> bool {
    match of_sqlx(error) {
        Some(
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed,
        ) => true,
        // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout,
        // idle_in_transaction_session_timeout: the server says goodbye.
        Some(sqlx::Error::Database(error)) => matches!(
            error.code().as_deref(),
            Some("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03")
        ),
        _ => matches!(error, DbErr::Conn(_)),
    }
}

enum Kind {
    Conflict,
    Unavailable,
    Other,
}

fn classify(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Kind::Unavailable,
        sqlx::Error::Database(e) => match e.code().as_deref() {
            // serialization_failure, deadlock_detected
            Some("40001" | "40P01") => Kind::Conflict,
            Some(_) if is_sqlite(e.as_ref()) => match primary(e.as_ref()) {
                // BUSY, LOCKED, IOERR, FULL, CANTOPEN
                Some(5 | 6 | 10 | 13 | 14) => Kind::Unavailable,
                _ => Kind::Other,
            },
            // Class 08 connection, 53 resources, 57 operator intervention (statement timeout 57014 too), 58 system.
            Some(code)
                if ["08", "53", "57", "58"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
            {
                Kind::Unavailable
            }
            // 25006 read_only_sql_transaction: a standby that was not promoted yet; 55P03 lock_not_available.
            Some("25006" | "55P03") => Kind::Unavailable,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// SQLite's primary result code, which is the low byte of the extended one (sqlite.org/rescode.html); None of PostgreSQL.
fn primary(error: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    let code = error.code().filter(|_| is_sqlite(error))?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

fn is_sqlite(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
}
