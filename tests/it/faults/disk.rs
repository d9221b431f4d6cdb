//! There is no more room: a file of the process may not grow any more, which SQLite calls an error of its disk (SQLITE_IOERR_WRITE),
//! and the database may not have more pages, which it calls full as it does a full disk (SQLITE_FULL). Either may end a transaction
//! under those that share it.

use std::{process::Command, time::Duration};

use sea_orm::ConnectionTrait as _;
use serde_json::Value;
use tokio::sync::watch;
use zhibu::storage::{
    StoreError,
    write::{Actor, Failure, Outcome, WriteError},
};

use super::{
    load::{Load, Planted, number},
    tally::times,
};
use crate::support::{
    app::{TestApp, eventually},
    process::Service,
    sqlite,
};

/// How long it may take until there is no more room.
const SOON: Duration = Duration::from_secs(60);

/// How far any file of the process may grow, in bytes.
fn limit(service: &Service, bytes: &str) {
    // The soft limit: the hard one could not be taken back without privileges.
    let set = Command::new("prlimit")
        .args(["--pid", &service.pid().to_string(), &format!("--fsize={bytes}:")])
        .status()
        .expect("prlimit runs");
    assert!(set.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_no_write_that_a_full_disk_refuses() {
    let db = sqlite::database().await;
    let rounds = 40 * times();
    let fills = 3 * times();
    let planted = Planted::over(&db).await;
    let service = Service::start(planted.dir.path(), Some(&db.url));
    let (_moved, url) = watch::channel(service.url.clone());
    let load = planted.load(url, &db.url, rounds);
    for fill in 1..=fills {
        load.reaches(Load::all(rounds) * fill / (fills + 1)).await;
        limit(&service, "4096");
        // What was on its way is answered; nothing more is.
        eventually("nothing is written any more", async || {
            let before = load.answers();
            let (status, _) = load.write("FULL").await;
            status == 503 && load.answers() == before
        })
        .await;
        // Readers have all they need.
        let (status, answer) = load.query("{ organizations { totalCount } }").await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(load.ready().await, 200);
        limit(&service, "unlimited");
    }
    // By itself: the same process goes on.
    load.check(&format!("the disk was full {fills} times")).await;
    let (status, log) = service.terminate();
    assert!(status.success());
    assert!(
        log.iter().any(|line| line.contains("(code: 778)")),
        "SQLITE_IOERR_WRITE"
    );
}

/// How many pages the database may have: what it has where that is less.
async fn most_pages(app: &TestApp, most: i64) {
    eventually("it is set", async || {
        let set = app
            .database
            .write(Actor::service("test"), None, most, |write, most| {
                Box::pin(async move {
                    let pragma = format!("PRAGMA max_page_count = {most}");
                    let set = write.connection().execute_unprepared(&pragma).await;
                    set.map_err(StoreError::from)?;
                    // It is the connection's, whatever becomes of the transaction, which had better need no page.
                    Err::<(), Failure>(Failure::Refused(Vec::new()))
                })
            });
        match set.await {
            Ok(written) => matches!(written.outcome, Outcome::Refused(_)),
            // One that shared its commit had no room.
            Err(WriteError::Store(StoreError::Unavailable(_))) => false,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
}

/// What becomes of a write that needs many pages, where there is none.
async fn fill(app: &TestApp) -> WriteError {
    let filled = app.database.write(Actor::service("test"), None, (), |write, ()| {
        Box::pin(async move {
            let filler = "PRAGMA max_page_count = 1; CREATE TABLE filler AS SELECT randomblob(1000000) AS x";
            let filled = write.connection().execute_unprepared(filler).await;
            Err::<(), Failure>(filled.map_err(StoreError::from).unwrap_err().into())
        })
    });
    filled.await.expect_err("there is no room")
}

/// Whether it is SQLITE_FULL, and something that passes.
fn is_full(error: &WriteError) -> bool {
    match error {
        WriteError::Store(StoreError::Unavailable(error)) => error.to_string().contains("(code: 13)"),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_database_refuses_is_not_done_by_halves_and_is_done_once_there_is_room() {
    const AS_EVER: i64 = 1_073_741_823;
    let db = sqlite::database().await;
    let rounds = 40 * times();
    let fills = 3 * times();
    let planted = Planted::over(&db).await;
    let app = planted.serve(&db).await;
    let (_moved, url) = watch::channel(app.url.clone());
    let load = planted.load(url, &db.url, rounds);
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    let mut tries = 0;
    for fill_number in 1..=fills {
        load.reaches(Load::all(rounds) * fill_number / (fills + 1)).await;
        let full = fill(&app).await;
        assert!(is_full(&full), "no SQLITE_FULL: {full:?}");
        // Rows go into the pages that are there, until those are full too.
        let mut refused = (0, Value::Null);
        let filling = async {
            while refused.0 != 503 {
                // A connection whose transaction was ended under it is given up, and its limit with it.
                most_pages(&app, 1).await;
                tries += 1;
                refused = load.write(&format!("FULL-{tries}")).await;
            }
        };
        let filled = tokio::time::timeout(SOON, filling).await;
        assert!(filled.is_ok(), "after {tries} tries: {refused:?}");
        let (_, answer) = &refused;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer:#}");
        assert!(error["extensions"]["retryAfter"].is_u64(), "{answer:#}");
        let said = answer.to_string().to_lowercase();
        assert!(!said.contains("sqlite") && !said.contains("disk"), "{answer:#}");
        let code = format!("FULL-{tries}");
        for sql in [
            format!("SELECT count(*) FROM organization WHERE code = '{code}'"),
            format!("SELECT count(*) FROM idempotency_key WHERE key = '{code}'"),
            format!("SELECT count(*) FROM audit_entry WHERE after LIKE '%\"{code}\"%'"),
        ] {
            assert_eq!(number(&raw, &sql).await, 0, "{sql}");
        }
        // Readers have all they need.
        let (status, answer) = load.query("{ organizations { totalCount } }").await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(load.ready().await, 200);
        most_pages(&app, AS_EVER).await;
        let (status, answer) = load.write(&code).await;
        assert_eq!(status, 200, "{answer:#}");
        let sql = format!("SELECT count(*) FROM organization WHERE code = '{code}'");
        assert_eq!(number(&raw, &sql).await, 1, "{answer:#}");
    }
    raw.close().await.unwrap();
    load.check(&format!("the database was full {fills} times")).await;
}
