//! What a transaction asks of PostgreSQL, where others write too. SQLite has one writer and needs none of it.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};

use super::Write;
use crate::storage::StoreError;

/// From so many rows on, planning a statement anew costs little beside running it.
const MANY: usize = 100;

impl Write<'_> {
    /// Whether nobody else writes meanwhile: SQLite has one writer, and there is nothing to lock.
    pub fn is_alone(&self) -> bool {
        self.transaction.get_database_backend() == DbBackend::Sqlite
    }

    /// Waits until no other transaction holds the same name; held until this one ends. For rules over rows
    /// that may not exist yet, such as "no two branches hold one code". SQLite has one writer and needs none.
    pub async fn lock(&self, space: &str, name: &str) -> Result<(), StoreError> {
        self.advisory_lock("pg_advisory_xact_lock", space, name).await
    }

    /// Holds a name together with others that hold it so, and keeps out who [locks](Self::lock) it, until this transaction
    /// ends.
    pub async fn lock_shared(&self, space: &str, name: &str) -> Result<(), StoreError> {
        self.advisory_lock("pg_advisory_xact_lock_shared", space, name)
            .await
    }

    async fn advisory_lock(&self, function: &str, space: &str, name: &str) -> Result<(), StoreError> {
        let name = format!("{space}:{name}");
        self.ask_postgres(
            &format!("SELECT {function}(hashtextextended($1, 0))"),
            [name.into()],
        )
        .await
    }

    /// Lets the statements that follow look so many given rows up one by one in an index, however little is known of the tables:
    /// without statistics, as on a database that was filled a moment ago, a join with a thousand given rows is planned to read
    /// the whole table. Where they are many, statements are planned for the tables as they are now: a plan that was made and kept
    /// when a table was empty takes any of its indexes for as good as another, until the table is analyzed.
    pub async fn look_rows_up(&self, rows: usize) -> Result<(), StoreError> {
        let plans = match rows {
            0..MANY => "force_generic_plan",
            _ => "force_custom_plan",
        };
        let settings = "SELECT set_config('enable_hashjoin', 'off', true), \
                        set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', $1, true)";
        self.ask_postgres(settings, [plans.into()]).await
    }

    /// Lets the statements that follow take as long as they do: for what reads everything, once.
    pub async fn take_time(&self) -> Result<(), StoreError> {
        self.ask_postgres("SELECT set_config('statement_timeout', '0', true)", [])
            .await
    }

    async fn ask_postgres<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<(), StoreError> {
        if !self.is_alone() {
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            self.transaction.execute_raw(statement).await?;
        }
        Ok(())
    }
}
