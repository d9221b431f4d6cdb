//! Which life of the database this is, for cursors (docs/adr/0003).

use sea_orm::{
    ConnectionTrait as _, DbBackend, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait as _,
};

use super::{Database, StoreError};
use crate::live;

/// Key of the advisory lock under which replicas that start together open the log, one after the other.
const OPENING_LOCK: i64 = 0x7a68_6962_755f_6c6f; // "zhibu_lo"

/// The log's incarnation with its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// Counts from 1.
    pub number: i64,
    /// Random; two databases restored from one backup differ in it.
    pub nonce: i64,
}

impl Database {
    /// Reads the incarnation at start, and begins a new one in a new database, when `restored` says so, or when
    /// the log comes from another PostgreSQL cluster.
    pub async fn open_log(&self, restored: bool, nonce: i64) -> Result<Incarnation, StoreError> {
        // What is read decides what is written, so both are one replica's at a time.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = self.inner.writer.begin_with_options(options).await?;
        if self.backend() == DbBackend::Postgres {
            let lock = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_advisory_xact_lock($1)",
                [OPENING_LOCK.into()],
            );
            transaction.execute_raw(lock).await?;
        }
        let state = live::store::state(&transaction).await?;
        let (number, nonce) = match state {
            Some((number, stored))
                if !restored && !live::store::is_from_another_cluster(&transaction, number).await? =>
            {
                (number, stored)
            }
            _ => live::store::begin_incarnation(&transaction, nonce).await?,
        };
        transaction.commit().await?;
        let incarnation = Incarnation { number, nonce };
        // A second opening in one process finds the same row.
        let _ = self.inner.incarnation.set(incarnation);
        Ok(incarnation)
    }

    /// The incarnation, as it was when this process opened the log.
    pub async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        if let Some(incarnation) = self.inner.incarnation.get() {
            return Ok(*incarnation);
        }
        match live::store::state(self.reader()).await? {
            Some((number, nonce)) => {
                let incarnation = Incarnation { number, nonce };
                Ok(*self.inner.incarnation.get_or_init(|| incarnation))
            }
            None => Err(StoreError::Corrupt(
                "the change log has not been opened".to_owned(),
            )),
        }
    }
}
