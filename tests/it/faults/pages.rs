//! Pages of the SQLite file that were overwritten.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::sync::watch;

use super::{
    load::{Load, Planted},
    tally::times,
};
use crate::support::{
    TestDatabase,
    app::{TestApp, eventually},
    branches::create,
    process::{Service, run, stderr, stdout},
    sqlite,
};

/// Where a test's database lies.
pub fn file(db: &TestDatabase) -> PathBuf {
    let path = db.url.trim_start_matches("sqlite://");
    PathBuf::from(path.split_once('?').map_or(path, |(path, _)| path))
}

/// The pages at which tables and indexes begin, with their names.
pub async fn roots(db: &TestDatabase) -> Vec<(String, u64)> {
    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    let sql = "SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0 AND name NOT LIKE 'sqlite_%'";
    let rows = raw
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await
        .unwrap();
    raw.close().await.unwrap();
    let cells = rows.iter().map(|row| {
        let page: i64 = row.try_get("", "rootpage").unwrap();
        (row.try_get("", "name").unwrap(), u64::try_from(page).unwrap())
    });
    cells.collect()
}

/// Writes rubbish over a page.
pub fn spoil(path: &Path, page: u64) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start((page - 1) * 4096)).unwrap();
    file.write_all(&[0xA5; 4096]).unwrap();
    file.sync_all().unwrap();
}

/// A stopped service's database with a few rows, all of them in its one file.
pub async fn stopped() -> TestDatabase {
    let db = sqlite::database().await;
    let app = TestApp::with_tree(db.lent()).await;
    create(&app, "B1", json!({})).await;
    app.database.clone().close().await;
    drop(app);
    zhibu::storage::backup::fold_in(&file(&db)).await.unwrap();
    db
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_was_overwritten_is_found() {
    let db = stopped().await;
    let path = file(&db);
    let whole = std::fs::read(&path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let order = [
        "verify",
        "--database-url",
        &db.url,
        "--data-dir",
        dir.path().to_str().unwrap(),
    ];
    let verified = run(&order);
    assert!(verified.status.success(), "{}", stderr(&verified));
    assert!(stdout(&verified).contains("file: whole"), "{}", stdout(&verified));
    let roots = roots(&db).await;
    let wanted = [
        "organization",
        "audit_entry",
        "change_log",
        "branch",
        "idempotency_key",
    ];
    let mut spoilt = 0;
    for (name, page) in roots.iter().filter(|(name, _)| wanted.contains(&name.as_str())) {
        std::fs::write(&path, &whole).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        spoil(&path, *page);
        let verified = run(&order);
        let said = stdout(&verified) + &stderr(&verified);
        // 101 would be a panic.
        assert_eq!(verified.status.code(), Some(1), "{name}: {said}");
        let found = said.contains("DAMAGED") || said.contains("malformed");
        assert!(found, "{name}: {said}");
        spoilt += 1;
    }
    assert_eq!(spoilt, wanted.len());
}

/// The page lies in the audit trail, which every write goes through: nothing is acknowledged until there is a whole database again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_meets_a_bad_page_says_so_and_a_restore_has_all_that_was_acknowledged() {
    let db = sqlite::database().await;
    let rounds = 40 * times();
    let damages = times();
    let planted = Planted::over(&db).await;
    let start = || Service::start(planted.dir.path(), Some(&db.url));
    let mut service = start();
    let (moved, url) = watch::channel(service.url.clone());
    let load = planted.load(url, &db.url, rounds);
    let there = tempfile::tempdir().unwrap();
    let keys = planted.dir.path().to_str().unwrap();
    let on_it = |order: &[&str]| run(&[order, &["--database-url", &db.url]].concat());
    for damage in 1..=damages {
        load.reaches(Load::all(rounds) * damage / (damages + 1)).await;
        assert!(service.terminate().0.success());
        let copy = there.path().join(format!("{damage}.db"));
        let copy = copy.to_str().unwrap();
        let made = on_it(&["backup", copy]);
        assert!(made.status.success(), "{}", stderr(&made));
        let roots = roots(&db).await;
        let (_, page) = roots.iter().find(|(name, _)| name == "audit_entry").unwrap();
        spoil(&file(&db), *page);

        service = start();
        moved.send_replace(service.url.clone());
        for attempt in 0..3 {
            let (_, answer) = load.write(&format!("BAD-{damage}-{attempt}")).await;
            assert_eq!(answer["data"], json!(null), "{answer:#}");
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["code"], "INTERNAL", "{answer:#}");
            assert!(error["extensions"]["requestId"].is_string(), "{answer:#}");
            let said = answer.to_string().to_lowercase();
            for inside in ["malformed", "sqlite", "audit", "code: 11"] {
                assert!(!said.contains(inside), "{answer:#}");
            }
        }
        // What does not lie there is there.
        let (status, answer) = load
            .query("{ organizations { totalCount } branches { totalCount } }")
            .await;
        assert_eq!((status, answer.get("errors")), (200, None), "{answer:#}");
        let (_, answer) = load
            .query("{ auditEntries(first: 100) { nodes { subject } } }")
            .await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "INTERNAL",
            "{answer:#}"
        );
        for order in [
            &["verify", "--data-dir", keys][..],
            &["backup", &format!("{copy}.bad")],
        ] {
            let output = on_it(order);
            let said = stdout(&output) + &stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("DAMAGED") || said.contains("malformed"), "{said}");
        }
        let (_, log) = service.terminate();
        assert!(log.iter().any(|line| line.contains("malformed")), "{log:#?}");

        let restored = on_it(&["restore", copy, "--replace", "--data-dir", keys]);
        assert!(
            restored.status.success(),
            "{}{}",
            stdout(&restored),
            stderr(&restored)
        );
        service = start();
        let (url, admin) = (service.url.clone(), load.admin().to_owned());
        load.restored(&oldest(&url, &admin).await);
        moved.send_replace(url);
        eventually("it writes again", async || {
            let (status, _) = load.write(&format!("GOOD-{damage}")).await;
            status == 200
        })
        .await;
    }
    load.check(&format!("{damages} bad pages and restores")).await;
    assert!(service.terminate().0.success());
}

/// The oldest place of a service's change log.
async fn oldest(url: &str, token: &str) -> String {
    let asked = reqwest::Client::new()
        .post(format!("{url}/graphql"))
        .bearer_auth(token)
        .json(&json!({ "query": "{ changes(first: 0) { cursor } }" }));
    let answer: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
    let cursor = answer["data"]["changes"]["cursor"].as_str();
    cursor.unwrap_or_else(|| panic!("{answer:#}")).to_owned()
}
