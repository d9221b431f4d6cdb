//! Migrations, under a lock, so that replicas that start together do not collide.

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::{Database, Location, StoreError};

/// Key of the advisory lock that migrations hold on PostgreSQL.
const MIGRATION_LOCK: i64 = 0x7a68_6962_755f_6d69; // "zhibu_mi"

/// Brings the tables up to date, waiting for another process that is doing so.
pub async fn migrate(database: &Database) -> Result<(), StoreError> {
    match database.location() {
        Location::Sqlite(path) => {
            let mut lock_path = path.clone().into_os_string();
            lock_path.push(".migrate.lock");
            let lock = tokio::task::spawn_blocking(move || {
                let file = std::fs::File::create(lock_path)?;
                file.lock()?;
                Ok::<_, std::io::Error>(file)
            })
            .await
            .map_err(|e| StoreError::Corrupt(e.to_string()))?
            .map_err(|e| StoreError::from(sea_orm::sqlx::Error::Io(e)))?;
            Migrator::up(&database.inner.writer, None).await?;
            drop(lock);
        }
        Location::Postgres(_) => {
            // A session of its own: the lock is held by the connection, and goes with it when we die.
            let pool = database.inner.writer.get_postgres_connection_pool();
            let mut connection = pool.acquire().await?.detach();
            sea_orm::sqlx::query("SET lock_timeout = 0")
                .execute(&mut connection)
                .await?;
            sea_orm::sqlx::query("SET statement_timeout = 0")
                .execute(&mut connection)
                .await?;
            sea_orm::sqlx::query("SELECT pg_advisory_lock($1)")
                .bind(MIGRATION_LOCK)
                .execute(&mut connection)
                .await?;
            Migrator::up(&database.inner.writer, None).await?;
            sea_orm::sqlx::Connection::close(connection).await?;
        }
    }
    Ok(())
}

impl Database {
    /// Whether the tables are there at all.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let sql = match self.backend() {
            DbBackend::Sqlite => {
                "SELECT count(*) > 0 AS there FROM sqlite_master WHERE name = 'seaql_migrations'"
            }
            _ => "SELECT to_regclass('seaql_migrations') IS NOT NULL AS there",
        };
        let row = self
            .reader()
            .query_one_raw(Statement::from_string(self.backend(), sql))
            .await?;
        Ok(match row {
            Some(row) => row.try_get("", "there")?,
            None => false,
        })
    }
}
