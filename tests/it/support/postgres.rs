//! PostgreSQL for tests: a database each, in the cluster that `postgres.sh` started for the run or in the
//! server that `ZHIBU_TEST_DATABASE_URL` names.
//!
//! A test's database is a copy of a template that the first test to need it migrates. The template is
//! named by the steps' sources, so on a server that outlives the run a stale one is never used (and stays
//! until somebody drops it: another run may be copying it).

use std::{
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::Path,
};

use migration::{Migrator, MigratorTrait};
use sea_orm::Database;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{Backend, Keep, TestDatabase};

/// The server's address with the name of its maintenance database.
const URL: &str = "ZHIBU_TEST_DATABASE_URL";
/// Why `postgres.sh` started none.
const MISSING: &str = "ZHIBU_TEST_POSTGRES_MISSING";
/// Held while the template is looked for and made.
const TEMPLATE_LOCK: i64 = 0x7A68_6962_7574;

/// A migrated database, or None (and a loud line) where there is no PostgreSQL; under CI that is a failure.
pub async fn database() -> Option<TestDatabase> {
    let server = server()?;
    let template = template(&server).await;
    Some(create(server, Some(&template)).await)
}

/// A database without a table, as a newcomer's service finds it; otherwise as [`database`].
pub async fn empty_database() -> Option<TestDatabase> {
    Some(create(server()?, None).await)
}

fn server() -> Option<String> {
    if let Ok(url) = std::env::var(URL) {
        return Some(url);
    }
    let reason = std::env::var(MISSING).unwrap_or_else(|_| {
        format!("{URL} is not set; `cargo nextest run` starts a cluster, `cargo test` does not")
    });
    let under_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty());
    assert!(!under_ci, "PostgreSQL tests cannot run: {reason}");
    eprintln!("SKIPPED: PostgreSQL test does not run: {reason}");
    None
}

async fn connect(server: &str) -> PgConnection {
    PgConnection::connect(server)
        .await
        .unwrap_or_else(|error| panic!("{URL} does not answer: {error}"))
}

async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The same server, another database.
fn with_database(server: &str, name: &str) -> String {
    let (address, parameters) = match server.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let authority_start = address.find("://").map_or(0, |at| at + 3);
    let authority_end = address[authority_start..]
        .find('/')
        .map_or(address.len(), |at| authority_start + at);
    format!("{}/{name}{parameters}", &address[..authority_end])
}

/// The template's name, by the sources of the migration package: a step under development has its name
/// for days while its content changes.
fn template_name() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/src");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the migration package's sources")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().expect("a file").as_encoded_bytes());
        hash.update(fs::read(&file).expect("a readable source"));
    }
    format!("zhibu_template_{}", &hex::encode(hash.finalize())[..16])
}

/// Finds the template or makes it; returns its name.
async fn template(server: &str) -> String {
    let name = template_name();
    let mut connection = connect(server).await;
    if !is_ready(&mut connection, &name).await {
        // Of the session: it goes with the connection, also when migrating panics.
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(TEMPLATE_LOCK)
            .execute(&mut connection)
            .await
            .expect("an advisory lock");
        if !is_ready(&mut connection, &name).await {
            make_template(&mut connection, server, &name).await;
        }
    }
    connection.close().await.expect("the connection closes");
    name
}

/// What an interrupted run left half made is not a template yet: that flag is set last.
async fn is_ready(connection: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)")
        .bind(name)
        .fetch_one(connection)
        .await
        .expect("the catalog")
}

async fn make_template(connection: &mut PgConnection, server: &str, name: &str) {
    run(connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    run(connection, format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    let template = Database::connect(with_database(server, name))
        .await
        .expect("the template opens");
    Migrator::up(&template, None)
        .await
        .expect("every step runs on PostgreSQL");
    template.close().await.expect("the template closes");
    // What somebody is connected to cannot be copied.
    run(
        connection,
        format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true"),
    )
    .await;
}

async fn create(server: String, template: Option<&str>) -> TestDatabase {
    // Runs on several machines may share one server.
    let name = format!(
        "zhibu_test_{}_{:016x}",
        std::process::id(),
        RandomState::new().build_hasher().finish()
    );
    let template = template.unwrap_or("template0");
    let mut connection = connect(&server).await;
    run(
        &mut connection,
        format!("CREATE DATABASE {name} TEMPLATE {template}"),
    )
    .await;
    connection.close().await.expect("the connection closes");
    TestDatabase {
        url: with_database(&server, &name),
        backend: Backend::Postgres,
        _keep: Keep::Database(Dropper { server, name }),
    }
}

/// Drops the database, whoever is still connected.
#[derive(Debug)]
pub struct Dropper {
    server: String,
    name: String,
}

impl Drop for Dropper {
    fn drop(&mut self) {
        let server = std::mem::take(&mut self.server);
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Dropping is not async, and a runtime cannot be entered from within another: a thread of its own.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async {
                    let mut connection = PgConnection::connect(&server).await?;
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                    connection.close().await
                })
        });
        // A panic here, while a failed test unwinds, would end the process and hide why it failed. What
        // stays goes with the cluster.
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("{} was not dropped: {error}", self.name),
            Err(_) => eprintln!("{} was not dropped", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn another_database_of_the_same_server_is_named() {
        for (server, database) in [
            ("postgres://u:p@host:5432/postgres", "postgres://u:p@host:5432/x"),
            (
                "postgres://postgres@localhost/postgres?host=/tmp/a",
                "postgres://postgres@localhost/x?host=/tmp/a",
            ),
            ("postgresql://host", "postgresql://host/x"),
        ] {
            assert_eq!(with_database(server, "x"), database);
        }
    }
}
