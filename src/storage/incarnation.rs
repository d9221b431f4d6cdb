//! Which life of the database this is, for cursors (DESIGN 2.2).

use sea_orm::TransactionTrait as _;

use super::{Database, StoreError};
use crate::live;

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
        let transaction = self.inner.writer.begin().await?;
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
