//! Pages of the SQLite file that were overwritten.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{
    TestDatabase,
    app::TestApp,
    branches::create,
    process::{run, stderr, stdout},
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
    eprintln!("{spoilt} pages were overwritten, {spoilt} found");
}
