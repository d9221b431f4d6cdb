//! A PostgreSQL to measure on: the deployment's own, or a cluster for this run.

use std::process::Command;

use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{Failure, process};

/// The URL of an empty database, or of one that holds the demonstration.
///
/// `ZHIBU_BENCH_DATABASE_URL` names it; else a cluster is started as the tests start theirs, which ends with this
/// process.
pub fn url() -> Result<String, String> {
    if let Ok(url) = std::env::var("ZHIBU_BENCH_DATABASE_URL") {
        return Ok(url);
    }
    let told = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let started = Command::new("sh")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/support/postgres.sh"
        ))
        .env("NEXTEST_ENV", told.path())
        .env_remove("ZHIBU_TEST_DATABASE_URL")
        .status()
        .map_err(|error| error.to_string())?;
    let told = std::fs::read_to_string(told.path()).map_err(|error| error.to_string())?;
    let value = |name: &str| {
        told.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    match value("ZHIBU_TEST_DATABASE_URL") {
        Some(url) if started.success() => Ok(url.to_owned()),
        _ => Err(value("ZHIBU_TEST_POSTGRES_MISSING")
            .unwrap_or("it could not be started")
            .to_owned()),
    }
}

/// Lets the database do now what it would do in the background while others are measured.
pub async fn settle(url: &str) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("VACUUM ANALYZE").await?;
    connection.execute("CHECKPOINT").await?;
    Ok(connection.close().await?)
}

/// The process that all others of the cluster are children of; none where it does not run on this machine.
pub async fn postmaster(url: &str) -> Result<Option<u32>, Failure> {
    let mut connection = PgConnection::connect(url).await?;
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut connection)
        .await?;
    let parent = process::parent_of_postgres(u32::try_from(backend)?);
    connection.close().await?;
    Ok(parent)
}
