//! Backup and restore, by restoring.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Instant,
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::sync::watch;

use zhibu::kernel::clock::pause;

use crate::{
    faults::{
        load::{Load, Planted, number},
        pages::{file, roots, spoil, stopped},
        tally::{Tally, times},
    },
    support::{
        app::TestApp,
        branches::create,
        postgres,
        process::{Service, run, stderr, stdout, zhibu},
        sqlite,
    },
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn backup(database: &str, to: &Path) -> Output {
    run(&["backup", text(to), "--database-url", database])
}

fn restore(from: &Path, dir: &Path, more: &[&str]) -> Output {
    let mut order = vec!["restore", text(from), "--data-dir", text(dir)];
    order.extend(more);
    run(&order)
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

fn refused(output: &Output, said: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", stdout(output));
    assert!(stderr(output).contains(said), "{}", stderr(output));
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_writers_push_is_restored_elsewhere() {
    let db = sqlite::database().await;
    let planted = Planted::over(&db).await;
    let mut service = Service::start(planted.dir.path(), Some(&db.url));
    let (moved, url) = watch::channel(service.url.clone());
    let rounds = 40 * times();
    let load = planted.load(url, &db.url, rounds);
    let there = tempfile::tempdir().unwrap();
    let copy = there.path().join("copy.db");
    load.reaches(Load::all(rounds) / 3).await;
    let promised = load.acknowledged();
    let said = tokio::task::block_in_place(|| done(&backup(&db.url, &copy)));
    assert!(
        load.answers() < Load::all(rounds),
        "the writers were through already"
    );
    assert!(
        said.contains("participants' key") && said.contains("head "),
        "{said}"
    );
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing is written over, and nothing else was left behind.
    refused(&backup(&db.url, &copy), "there already");
    assert_eq!(names(there.path()), ["copy.db"]);
    load.reaches(Load::all(rounds) * 2 / 3).await;

    let elsewhere = tempfile::tempdir().unwrap();
    let said = done(&restore(&copy, elsewhere.path(), &[]));
    assert!(
        said.contains("incarnation 2") && said.contains("points: agrees"),
        "{said}"
    );
    assert!(said.contains("participant-key is not there"), "{said}");
    let restored = elsewhere.path().join("zhibu.db");
    let mode = std::fs::metadata(&restored).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(elsewhere.path()), ["zhibu.db", "zhibu.db.lock"]);
    let raw = sea_orm::Database::connect(format!("sqlite://{}", restored.display()))
        .await
        .unwrap();
    promised
        .compare(&raw)
        .await
        .close("a backup while writers push", "");
    raw.close().await.unwrap();

    // What clients hold of before is told to be of before.
    let other = Service::start(elsewhere.path(), None);
    let token = run(&[
        "token",
        "--role",
        "DISTRICT_ADMIN",
        "--data-dir",
        text(elsewhere.path()),
    ]);
    let token = stdout(&token).trim().to_owned();
    let query = format!("{{ changes(after: \"{}\") {{ cursor }} }}", planted.start());
    let answer: Value = reqwest::Client::new()
        .post(format!("{}/graphql", other.url))
        .bearer_auth(token)
        .json(&json!({ "query": query }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "CURSOR_EXPIRED",
        "{answer:#}"
    );
    // A service runs on it: it keeps its database.
    refused(&restore(&copy, elsewhere.path(), &["--replace"]), "stop it first");
    assert!(other.terminate().0.success());

    // The one that was copied never noticed.
    service.kill();
    service = Service::start(planted.dir.path(), Some(&db.url));
    moved.send_replace(service.url.clone());
    load.check("a backup and a kill").await;
    assert!(service.terminate().0.success());
}

/// A service over the folder's database of district `X` renames the district and is killed: the name is in the `-wal` file only.
async fn killed_with_a_log(dir: &Path, name: &str) {
    let service = Service::begin_without_district(dir).ready();
    let token = run(&["token", "--role", "DISTRICT_ADMIN", "--data-dir", text(dir)]);
    let token = stdout(&token).trim().to_owned();
    let ask = async |query: &str| -> Value {
        let asked = reqwest::Client::new()
            .post(format!("{}/graphql", service.url))
            .bearer_auth(&token)
            .json(&json!({ "query": query }));
        asked.send().await.unwrap().json().await.unwrap()
    };
    let found = ask("{ organization(by: { code: \"X\" }) { id version } }").await;
    let (id, version) = (
        &found["data"]["organization"]["id"],
        &found["data"]["organization"]["version"],
    );
    let rename = format!(
        "mutation {{ updateOrganization(input: {{ id: {id}, version: {version}, name: \"{name}\" }}) {{ \
         organization {{ name }} userErrors {{ message }} }} }}"
    );
    let renamed = ask(&rename).await;
    assert_eq!(
        renamed["data"]["updateOrganization"]["organization"]["name"], name,
        "{renamed:#}"
    );
    service.kill();
    let log = std::fs::metadata(dir.join("zhibu.db-wal")).unwrap();
    assert!(log.len() > 0);
}

fn init(dir: &Path) {
    let order = [
        "init",
        "--data-dir",
        text(dir),
        "--district-code",
        "X",
        "--district-name",
        "区委",
    ];
    done(&run(&order));
}

async fn district_of(database: &Path) -> String {
    let raw = sea_orm::Database::connect(format!("sqlite://{}", database.display()))
        .await
        .unwrap();
    let sql = "SELECT name FROM organization WHERE parent_id IS NULL";
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    raw.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_log_lies_beside_it_is_no_backup() {
    let (from, there, dir) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    init(from.path());
    killed_with_a_log(from.path(), "新").await;
    let copied = there.path().join("copied.db");
    for suffix in ["", "-wal"] {
        let name = format!("zhibu.db{suffix}");
        std::fs::copy(
            from.path().join(name),
            there.path().join(format!("copied.db{suffix}")),
        )
        .unwrap();
    }
    let linked = there.path().join("linked.db");
    std::os::unix::fs::symlink(&copied, &linked).unwrap();
    for path in [&copied, &linked] {
        refused(&restore(path, dir.path(), &[]), "copied.db-wal lies beside it");
        assert_eq!(names(dir.path()), ["zhibu.db.lock"]);
    }
    // As it is told: one file of both.
    let whole = there.path().join("whole.db");
    done(&backup(&format!("sqlite://{}", copied.display()), &whole));
    done(&restore(&whole, dir.path(), &[]));
    assert_eq!(district_of(&dir.path().join("zhibu.db")).await, "新");

    let journal = there.path().join("whole.db-journal");
    std::fs::write(&journal, "half").unwrap();
    refused(&restore(&whole, dir.path(), &["--replace"]), "whole.db-journal");
    // An empty one holds nothing.
    std::fs::write(&journal, "").unwrap();
    done(&restore(&whole, dir.path(), &["--replace"]));
}

/// Whose the file is, as far as the test may give files away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_is_whose_the_old_one_was_or_the_folder_is() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (there, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    init(there.path());
    let copy = there.path().join("copy.db");
    let url = format!("sqlite://{}", there.path().join("zhibu.db").display());
    done(&backup(&url, &copy));
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o770)).unwrap();
    let may_give = chown(dir.path(), Some(12_345), Some(12_346)).is_ok();
    let belongs = |name: &str, owner: u32, mode: u32| {
        let found = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!(found.mode() & 0o777, mode, "{name}");
        if may_give {
            assert_eq!((found.uid(), found.gid()), (owner, 12_346), "{name}");
        }
    };
    done(&restore(&copy, dir.path(), &[]));
    belongs("zhibu.db", 12_345, 0o660);
    belongs("zhibu.db.lock", 12_345, 0o660);
    let database = dir.path().join("zhibu.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o600)).unwrap();
    if may_give {
        chown(&database, Some(12_347), None).unwrap();
    }
    done(&restore(&copy, dir.path(), &["--replace"]));
    belongs("zhibu.db", 12_347, 0o600);
    belongs("zhibu.db.lock", 12_347, 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_old_database_or_the_new_one() {
    let (there, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    init(there.path());
    let copy = there.path().join("copy.db");
    let url = format!("sqlite://{}", there.path().join("zhibu.db").display());
    done(&backup(&url, &copy));
    init(dir.path());
    killed_with_a_log(dir.path(), "旧").await;
    let model = tempfile::tempdir().unwrap();
    let files = ["zhibu.db", "zhibu.db-wal"];
    for name in files {
        std::fs::copy(dir.path().join(name), model.path().join(name)).unwrap();
    }
    let began = Instant::now();
    done(&restore(&copy, dir.path(), &["--replace"]));
    let took = began.elapsed();
    let kills: u32 = 12 * u32::try_from(times()).unwrap();
    let mut found = BTreeMap::new();
    let mut whole = Vec::new();
    for kill in 0..=kills {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            std::fs::copy(model.path().join(name), dir.path().join(name)).unwrap();
        }
        let mut child = zhibu(&[
            "restore",
            text(&copy),
            "--replace",
            "--data-dir",
            text(dir.path()),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        // Not an event that is waited for: the instant of a kill.
        pause(took / 2 + took * kill * 2 / 3 / kills).await;
        let _ = child.kill();
        child.wait().unwrap();
        // Whole, with whatever lies beside it by now.
        done(&run(&["verify", "--data-dir", text(dir.path())]));
        let name = district_of(&dir.path().join("zhibu.db")).await;
        assert!(name == "旧" || name == "区委", "{name}");
        *found.entry(name).or_insert(0) += 1;
        let raw = sea_orm::Database::connect(format!("sqlite://{}", dir.path().join("zhibu.db").display()))
            .await
            .unwrap();
        let districts = "SELECT id FROM organization WHERE parent_id IS NULL AND code = 'X'";
        whole.push((kill.to_string(), number(&raw, districts).await));
        raw.close().await.unwrap();
    }
    // Of each the one district that both databases have.
    let names: Vec<String> = (0..=kills).map(|kill| kill.to_string()).collect();
    let mut tally = Tally::default();
    tally.compare(names.iter().map(|name| (name.as_str(), Some(1))), &whole);
    tally.close(
        &format!("restores killed within {took:?}"),
        &format!("left {found:?}"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_takes_the_place_of_another_database_only_when_told_to() {
    let db = stopped().await;
    let there = tempfile::tempdir().unwrap();
    let copy = there.path().join("copy.db");
    done(&backup(&db.url, &copy));
    let dir = tempfile::tempdir().unwrap();
    init(dir.path());
    // What the old one has not folded in: its service was killed.
    killed_with_a_log(dir.path(), "旧").await;
    refused(&restore(&copy, dir.path(), &[]), "--replace");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(dir.path().join("zhibu.db"), mode).unwrap();
    let said = done(&restore(&copy, dir.path(), &["--replace"]));
    assert!(said.contains("the old database: "), "{said}");
    let kept: Vec<String> = names(dir.path())
        .into_iter()
        .filter(|name| name.contains(".replaced-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    for name in ["zhibu.db", kept[0].as_str()] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640, "{name}");
    }
    let query = "SELECT count(*) FROM organization WHERE code = 'X' AND name = '旧'";
    for (name, expected) in [("zhibu.db", 0), (kept[0].as_str(), 1)] {
        let url = format!("sqlite://{}", dir.path().join(name).display());
        let raw = sea_orm::Database::connect(&url).await.unwrap();
        assert_eq!(number(&raw, query).await, expected, "{name}");
        raw.close().await.unwrap();
    }
    assert!(!names(dir.path()).iter().any(|name| name.starts_with(".zhibu-")));
    done(&run(&["verify", "--data-dir", text(dir.path())]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_whole_backup_is_refused() {
    let db = stopped().await;
    let there = tempfile::tempdir().unwrap();
    let good = there.path().join("good.db");
    done(&backup(&db.url, &good));
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| -> PathBuf {
        let path = there.path().join(name);
        std::fs::copy(&good, &path).unwrap();
        path
    };
    let change = async |path: &Path, sql: &str| {
        let raw = sea_orm::Database::connect(format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        raw.execute_unprepared(sql).await.unwrap();
        raw.close().await.unwrap();
    };
    let text_file = there.path().join("text.db");
    std::fs::write(&text_file, "SQLite, almost").unwrap();
    let foreign = there.path().join("foreign.db");
    std::fs::write(&foreign, "").unwrap();
    change(&foreign, "CREATE TABLE t (x)").await;
    let newer = make("newer.db");
    change(
        &newer,
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99990101_000001_beyond', 0)",
    )
    .await;
    let changed = make("changed.db");
    change(
        &changed,
        "DROP TRIGGER audit_entry_no_update; UPDATE audit_entry SET subject = 'nobody' WHERE id = 2",
    )
    .await;
    let short = make("short.db");
    let length = std::fs::metadata(&short).unwrap().len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&short)
        .unwrap()
        .set_len(length / 2 / 4096 * 4096)
        .unwrap();
    for (path, said) in [
        (&text_file, "no SQLite database"),
        (&foreign, "none of zhibu"),
        (&newer, "newer version of zhibu"),
        (&changed, "audit chain is broken at position 2"),
        (&short, "malformed"),
        (&there.path().join("nothing.db"), "nothing.db"),
    ] {
        refused(&restore(path, dir.path(), &[]), said);
        assert_eq!(names(dir.path()), ["zhibu.db.lock"], "{}", path.display());
    }

    // A database that is damaged gives no backup either, and no half one.
    let path = file(&db);
    let roots = roots(&db).await;
    let (_, page) = roots.iter().find(|(name, _)| name == "organization").unwrap();
    spoil(&path, *page);
    let before = names(there.path());
    let output = backup(&db.url, &there.path().join("bad.db"));
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(names(there.path()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_leaves_no_half_file() {
    let db = stopped().await;
    let there = tempfile::tempdir().unwrap();
    let good = there.path().join("good.db");
    done(&backup(&db.url, &good));
    let dir = tempfile::tempdir().unwrap();
    // Units of 512 bytes.
    let limited = |arguments: &[&str]| {
        Command::new("sh")
            .env_clear()
            .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_zhibu"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = limited(&[
        "backup",
        text(&there.path().join("half.db")),
        "--database-url",
        &db.url,
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(names(there.path()), ["good.db"]);
    let output = limited(&["restore", text(&good), "--data-dir", text(dir.path())]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(names(dir.path()), ["zhibu.db.lock"]);
    done(&restore(&good, dir.path(), &[]));
}

/// The programs of PostgreSQL that its runbook needs.
fn program(name: &str) -> String {
    let on_path = Command::new("sh")
        .args([
            "-c",
            &format!("command -v {name} || ls /usr/lib/postgresql/*/bin/{name} | tail -n 1"),
        ])
        .output()
        .unwrap();
    String::from_utf8(on_path.stdout).unwrap().trim().to_owned()
}

/// docs/operations.md, Restore, word for word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_restored_as_the_runbook_says() {
    let (Some(db), Some(new)) = (postgres::database().await, postgres::empty_database().await) else {
        return;
    };
    let there = tempfile::tempdir().unwrap();
    let dump = there.path().join("zhibu.dump");
    refused(&backup(&db.url, &dump), "pg_dump");
    refused(
        &run(&[
            "restore",
            text(&dump),
            "--database-url",
            &db.url,
            "--data-dir",
            text(there.path()),
        ]),
        "pg_restore",
    );
    let app = TestApp::with_tree(db).await;
    create(&app, "B1", json!({})).await;
    app.settle().await;
    let url = app.config.database.url.as_ref().unwrap().expose().to_owned();
    let old = app.admin().data("{ changes(first: 1) { cursor } }").await["changes"]["cursor"].clone();
    while app.database.seal_audit().await.unwrap() > 0 {}
    let dumped = Command::new(program("pg_dump"))
        .args(["--format=custom", "--file", text(&dump), &url])
        .output()
        .unwrap();
    assert!(dumped.status.success(), "{}", stderr(&dumped));
    let restored = Command::new(program("pg_restore"))
        .args(["--exit-on-error", "--no-owner", "--dbname", &new.url, text(&dump)])
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", stderr(&restored));
    let on_new = ["--database-url", &new.url, "--data-dir", text(there.path())];
    let said = done(&run(&[&["migrate", "--restored"][..], &on_new].concat()));
    assert!(said.contains("incarnation 2"), "{said}");
    let said = done(&run(&[&["verify"][..], &on_new].concat()));
    assert!(said.contains("organization tree: agrees"), "{said}");
    let again = TestApp::on(new).await;
    let query = "query($after: ChangeCursor) { changes(after: $after) { cursor } branches { totalCount } }";
    let answer = again.admin().ask(query, json!({ "after": old })).await;
    assert_eq!(answer.error_code(), "CURSOR_EXPIRED");
    let data = again
        .admin()
        .data("{ branches { totalCount } organizations { totalCount } }")
        .await;
    assert_eq!(
        (
            &data["branches"]["totalCount"],
            &data["organizations"]["totalCount"]
        ),
        (&json!(1), &json!(4))
    );
}
