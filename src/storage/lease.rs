//! Leases: which replica does a job that only one may do.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, Statement};

use super::{Database, StoreError};

/// A lease that was taken or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Grows with every new holder: whoever comes with a smaller one has lost it.
    pub number: i64,
    /// When it ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

impl Database {
    /// Takes or renews a lease for `holder`; None while another holds it.
    ///
    /// One that ends later than this clock could have given it (twice `length`) was given by a clock that ran ahead, or before
    /// this one was set back: it is taken, and not waited for. Its holder comes with the smaller number.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        length: TimeDelta,
    ) -> Result<Option<Lease>, StoreError> {
        let now = self.clock().machine();
        let expires_at = now + length;
        let backend = self.backend();
        let beyond = expires_at + length;
        // One statement: it takes a lease that is free, expired or ours, and touches no other.
        let sql = "INSERT INTO lease (name, holder, number, expires_at) VALUES ($1, $2, 1, $3) \
                   ON CONFLICT (name) DO UPDATE SET \
                     number = CASE WHEN lease.holder = excluded.holder AND lease.expires_at > $4 \
                              THEN lease.number ELSE lease.number + 1 END, \
                     holder = excluded.holder, expires_at = excluded.expires_at \
                   WHERE lease.holder = excluded.holder OR lease.expires_at <= $4 OR lease.expires_at > $5 \
                   RETURNING number";
        let values = [
            name.into(),
            holder.into(),
            expires_at.into(),
            now.into(),
            beyond.into(),
        ];
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let asked = self.inner.writer.query_one_raw(statement);
        match self.inner.patience.statement(asked).await? {
            Some(row) => Ok(Some(Lease {
                number: row.try_get("", "number")?,
                expires_at,
            })),
            None => Ok(None),
        }
    }

    /// Gives a lease of `holder` back before it ends; whoever takes it next, `holder` again too, gets a greater number.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let now = self.clock().machine();
        let backend = self.backend();
        let sql = "UPDATE lease SET expires_at = $3 WHERE name = $1 AND holder = $2 AND expires_at > $3";
        let values = [name.into(), holder.into(), now.into()];
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let asked = self.inner.writer.execute_raw(statement);
        self.inner.patience.statement(asked).await?;
        Ok(())
    }
}
