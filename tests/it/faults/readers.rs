//! Connections that a request reads with: ended under it, or left by it in the middle of a statement.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use zhibu::{
    kernel::{clock::Clock, rules::Rules},
    storage::{Database, Location, Options},
};

use super::pages::file;
use crate::support::{app::TestApp, postgres, sqlite};

async fn number(database: &Database, sql: &str) -> Result<i64, sea_orm::DbErr> {
    let statement = Statement::from_string(database.backend(), sql);
    let row = database.reader().query_one_raw(statement).await?;
    row.expect("a row").try_get_by_index(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_ended_is_no_longer_its_requests() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let app = TestApp::on(db).await;
    let request = app.database.for_one_request(None);
    let pid = number(&request, "SELECT pg_backend_pid()::bigint").await.unwrap();
    let raw = app.raw().await;
    let end = format!("SELECT pg_terminate_backend({pid})::text");
    let statement = Statement::from_string(DbBackend::Postgres, end);
    raw.query_one_raw(statement).await.unwrap();
    number(&request, "SELECT 1::bigint")
        .await
        .expect_err("it was ended");
    let other = number(&request, "SELECT pg_backend_pid()::bigint").await.unwrap();
    assert_ne!(other, pid);
}

/// Goes on for minutes.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) \
                       SELECT count(*) FROM n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_waits_for_any_more_frees_its_reader() {
    let db = sqlite::database().await;
    let options = Options {
        max_connections: 1,
        ..Options::default()
    };
    let clock = Clock::system();
    let database = Database::open(Location::Sqlite(file(&db)), &options, clock, Rules::default())
        .await
        .unwrap();
    let over = Duration::from_millis(200);
    for held in [true, false] {
        let request = match held {
            true => database.for_one_request(None),
            false => database.clone(),
        };
        let answer = tokio::time::timeout(over, number(&request, ENDLESS)).await;
        assert!(answer.is_err(), "{answer:?}");
        // The request itself, and whoever comes next; a reader is waited for for 3 s.
        assert_eq!(number(&request, "SELECT 1").await.unwrap(), 1);
        drop(request);
        assert_eq!(number(&database, "SELECT 2").await.unwrap(), 2);
    }
    // And one that is waited for may take its steps.
    let long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n";
    assert_eq!(number(&database, long).await.unwrap(), 300_000);
    database.close().await;
}
