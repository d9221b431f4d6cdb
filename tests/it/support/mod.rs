//! What tests stand on: databases of their own, on both servers.

pub mod app;
pub mod branches;
pub mod changes;
pub mod cluster;
pub mod identity;
pub mod platform;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod socket;
pub mod sqlite;

mod tests;

/// Which of the two a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in a folder of its own.
    Sqlite,
    /// A database of its own in the run's cluster.
    Postgres,
}

/// A database of a test's own; gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// What `--database-url` would be given.
    pub url: String,
    /// What kind it is.
    pub backend: Backend,
    _keep: Keep,
}

impl TestDatabase {
    /// The same database, which does not go with this.
    pub fn lent(&self) -> Self {
        Self {
            url: self.url.clone(),
            backend: self.backend,
            _keep: Keep::Nothing,
        }
    }
}

/// What goes with the database.
#[derive(Debug)]
#[expect(dead_code, reason = "held for what dropping them does")]
enum Keep {
    Folder(tempfile::TempDir),
    Database(postgres::Dropper),
    /// It lies in a cluster of the test's own, and goes with that.
    Nothing,
}

/// Writes a test once and runs it on both: `name::sqlite` and `name::postgres`. The database is migrated.
///
/// ```ignore
/// on_both!(a_branch_is_found_by_its_code, |db| async move {
///     let app = TestApp::on(db).await;
///     ...
/// });
/// ```
macro_rules! on_both {
    ($(#[$attribute:meta])* $name:ident, |$db:pat_param| $body:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "not every test names something of the file around it")]
            use super::*;

            async fn scenario($db: $crate::support::TestDatabase) {
                $body.await
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                scenario($crate::support::sqlite::database().await).await
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(db) = $crate::support::postgres::database().await {
                    scenario(db).await
                }
            }
        }
    };
}
pub(crate) use on_both;
