//! SQLite for tests: a file in a folder that goes with the test.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, Database};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use super::{Backend, Keep, TestDatabase};

/// A migrated database.
pub async fn database() -> TestDatabase {
    let database = empty_database();
    let mut options = ConnectOptions::new(&database.url);
    // Nobody has been promised anything yet: the steps need not reach the disk one by one. The service
    // sets both anew when it opens the file.
    options.max_connections(1).map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .synchronous(SqliteSynchronous::Off)
            .journal_mode(SqliteJournalMode::Memory)
    });
    let connection = Database::connect(options).await.expect("SQLite opens a new file");
    Migrator::up(&connection, None)
        .await
        .expect("every step runs on SQLite");
    connection.close().await.expect("SQLite closes");
    database
}

/// A file that does not exist yet, as a newcomer's service finds it.
pub fn empty_database() -> TestDatabase {
    let folder = tempfile::tempdir().expect("a temporary folder");
    TestDatabase {
        url: format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("zhibu.sqlite").display()
        ),
        backend: Backend::Sqlite,
        _keep: Keep::Folder(folder),
    }
}
