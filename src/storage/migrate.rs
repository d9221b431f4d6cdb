//! Migrations, under a lock, so that replicas that start together do not collide.

use migration::{Migrator, MigratorTrait as _};
use sea_orm::ConnectionTrait as _;

use super::{Database, Location, StoreError, connect};

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
        Location::Postgres(url) => {
            // One session without timeouts: it holds the lock, which goes with it when we die, and runs the steps.
            let session = connect::open_session(url)?;
            session
                .execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
                .await?;
            let migrated = Migrator::up(&session, None).await;
            session.close().await?;
            migrated?;
        }
    }
    Ok(())
}
