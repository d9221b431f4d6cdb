//! The command line, as an operator types it.

use std::path::Path;

use crate::support::{
    TestDatabase, on_both, postgres,
    process::{Service, run, stderr, stdout, zhibu},
    sqlite,
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn token_prints_the_token_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let order = [
        "token",
        "--role",
        "DISTRICT_ADMIN",
        "--data-dir",
        text(dir.path()),
    ];
    let output = run(&order);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let printed = stdout(&output);
    let token = printed.strip_suffix('\n').expect("one line");
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
        "{token}"
    );
    // Another subject each time, one key.
    assert_ne!(stdout(&run(&order)), printed);
    let files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert_eq!(files, ["signing-key.pem"]);
}

#[test]
fn a_token_that_cannot_be_is_refused_with_2() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (vec!["--role", "COMMITTEE_OFFICER"], "--org"),
        (vec!["--role", "BRANCH_OFFICER"], "--branch"),
        (vec!["--role", "ADAPTER"], "--source"),
        (vec!["--role", "VIEWER", "--branch", "B"], "--branch"),
        (vec!["--role", "VIEWER", "--sub", "13900000001"], "--sub"),
        (vec!["--role", "VIEWER", "--ttl", "0s"], "--ttl"),
        (vec!["--role", "VIEWER", "--ttl", "soon"], "--ttl"),
        (vec!["--role", "ADMIN"], "DISTRICT_ADMIN"),
        (vec![], "--role"),
    ] {
        let mut order = vec!["token", "--data-dir", text(dir.path())];
        order.extend(&arguments);
        let output = run(&order);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "a refusal made a key"
    );
}

#[test]
fn every_fault_of_the_configuration_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("zhibu.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = \"8080\"\n[auth]\nisuer = \"x\"\nanonymous_role = \"DISTRICT_ADMIN\"\n[colours]\nred = 1\n",
    )
    .unwrap();
    let output = zhibu(&["serve", "--config", text(&file), "--data-dir", text(dir.path())])
        .env("ZHIBU_DATABASE_MAX_CONNECTIONS", "many")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let told = stderr(&output);
    for key in [
        "server.listen",
        "auth.isuer",
        "auth.anonymous_role",
        "colours",
        "ZHIBU_DATABASE_MAX_CONNECTIONS",
    ] {
        assert!(told.contains(key), "{key} is not named:\n{told}");
    }
    // A file that is not there, and one that is no TOML.
    for (name, content) in [("missing.toml", None), ("broken.toml", Some("[server"))] {
        let file = dir.path().join(name);
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let output = run(&["migrate", "--config", text(&file), "--data-dir", text(dir.path())]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
    }
}

#[test]
fn a_password_in_a_url_is_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let url = "postgres://zhibu:geheim@127.0.0.1:1/zhibu";
    let output = run(&["migrate", "--database-url", url, "--data-dir", text(dir.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!stderr(&output).contains("geheim") && !stdout(&output).contains("geheim"));
    assert!(stderr(&output).contains("zhibu: "), "{}", stderr(&output));
}

/// The flags that name a test's database, with a data directory of its own.
fn on<'a>(command: &'a str, db: &'a TestDatabase, dir: &'a Path) -> Vec<&'a str> {
    vec![command, "--database-url", &db.url, "--data-dir", text(dir)]
}

/// On a database without a table, as a newcomer has it.
async fn init_fills_an_empty_service_once(db: TestDatabase) {
    let dir = tempfile::tempdir().unwrap();
    let init = |code: &str, name: &str| {
        let mut order = on("init", &db, dir.path());
        order.extend(["--district-code", code, "--district-name", name]);
        run(&order)
    };
    let output = run(&on("init", &db, dir.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--district-code"), "{}", stderr(&output));

    let output = init("３５０２０５", "海沧区委");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), "350205 海沧区委\n");
    // Again, the same or another: there is one district, and it stays what it is.
    for (code, name) in [("350205", "海沧区委"), ("350206", "湖里区委")] {
        let output = init(code, name);
        assert_eq!(output.status.code(), Some(1), "{code}");
        assert_eq!(stdout(&output), "");
        assert!(!stderr(&output).is_empty());
    }
    for (code, name) in [("", "名"), ("350205", " "), ("3502'05", "名")] {
        assert_eq!(init(code, name).status.code(), Some(2), "{code:?} {name:?}");
    }
    let output = run(&on("verify", &db, dir.path()));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("organization tree: agrees"),
        "{}",
        stdout(&output)
    );
    let output = run(&on("migrate", &db, dir.path()));
    assert!(stdout(&output).contains("incarnation 1"), "{}", stdout(&output));
    let mut restored = on("migrate", &db, dir.path());
    restored.push("--restored");
    assert!(stdout(&run(&restored)).contains("incarnation 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_fills_an_empty_service_once_on_sqlite() {
    init_fills_an_empty_service_once(sqlite::empty_database()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_fills_an_empty_service_once_on_postgres() {
    if let Some(db) = postgres::empty_database().await {
        init_fills_an_empty_service_once(db).await;
    }
}

on_both!(verify_says_what_does_not_hold, |db| async move {
    let dir = tempfile::tempdir().unwrap();
    let mut init = on("init", &db, dir.path());
    init.extend(["--district-code", "D", "--district-name", "区委"]);
    assert!(run(&init).status.success());
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&raw, "DELETE FROM organization_closure")
        .await
        .unwrap();
    let output = run(&on("verify", &db, dir.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("organization tree: 1 rows DIFFER"),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("organization tree"),
        "{}",
        stderr(&output)
    );
});

#[test]
fn serving_an_empty_service_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::begin_without_district(dir.path()).ready();
    let (status, log) = service.terminate();
    assert!(status.success(), "{status}");
    let log = log.join("\n");
    assert!(log.contains("zhibu init --district-code"), "{log}");
    assert!(log.contains("数据库为空"), "{log}");
}

#[test]
fn the_demonstration_goes_into_no_other_district() {
    let dir = tempfile::tempdir().unwrap();
    let mut init = vec!["init", "--data-dir", text(dir.path())];
    init.extend(["--district-code", "D", "--district-name", "区委"]);
    assert!(run(&init).status.success());
    let output = run(&["demo", "--data-dir", text(dir.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("empty database only"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address, "--data-dir", text(dir.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn only_their_owner_reads_the_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let service = Service::start(&dir, None);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("signing-key.pem")), 0o600);
    assert!(service.terminate().0.success());
}
