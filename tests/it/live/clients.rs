//! The npm clients graphql-ws and graphql-sse, which go on where they were: whatever is cut, killed or drained between them and
//! 10,000 changes, none is missing and none comes twice.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use sea_orm::ConnectionTrait as _;
use tokio::sync::mpsc;
use zhibu::{
    app,
    audit::AuditRecord,
    kernel::{clock::Clock, id::OrganizationId},
    live::change::{Action, Change, Topic},
    storage::{
        Database,
        write::{Actor, Failure},
    },
};

use super::*;
use crate::support::{
    Backend, TestDatabase,
    process::{self, Service},
};

const WRITERS: usize = 4;
const TRANSACTIONS: usize = 100;
const CHANGES_OF_EACH: usize = 25;
const ALL: usize = WRITERS * TRANSACTIONS * CHANGES_OF_EACH;
const DISCONNECTS: usize = 20;

/// Whether the clients are there; without them nothing is tested, and under CI that is a failure.
fn folder() -> Option<&'static str> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live-clients");
    if Path::new(folder).join("node_modules/graphql-ws").exists() {
        return Some(folder);
    }
    let under_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty());
    assert!(
        !under_ci,
        "the npm clients cannot run: `npm ci` in {folder} first"
    );
    eprintln!("SKIPPED: the npm clients do not run: `npm ci` in {folder} first");
    None
}

/// A client in a process of its own.
struct Follower {
    child: Child,
    commands: ChildStdin,
    cursors: mpsc::UnboundedReceiver<String>,
    connected: mpsc::UnboundedReceiver<String>,
}

/// The lines of a pipe, as they come.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (told, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

impl Follower {
    fn start(folder: &str, kind: &str, url: &str, token: &str) -> Self {
        let mut child = Command::new("node")
            .args([&format!("{folder}/follow.mjs"), kind, url, token])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node runs");
        Self {
            cursors: lines(child.stdout.take().unwrap()),
            connected: lines(child.stderr.take().unwrap()),
            commands: child.stdin.take().unwrap(),
            child,
        }
    }

    fn command(&mut self, line: &str) {
        writeln!(self.commands, "{line}").expect("the client runs");
    }

    async fn cursor(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(60), self.cursors.recv());
        let cursor = next.await.ok().flatten();
        cursor.unwrap_or_else(|| {
            let mut said = Vec::new();
            while let Ok(line) = self.connected.try_recv() {
                said.push(line);
            }
            panic!("no other change; the client said {said:?}")
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Transactions of many changes each, as several writers make them at once.
async fn write(database: Database, organization: OrganizationId, mut rng: ChaCha20Rng) {
    for _ in 0..TRANSACTIONS {
        change(&database, organization, CHANGES_OF_EACH, rng.random_range(0..4)).await;
    }
}

/// A transaction of so many changes, which takes its place in the log and commits some time later: meanwhile others commit that
/// come after it.
async fn change(database: &Database, organization: OrganizationId, count: usize, pause: usize) {
    let input = (organization, count, pause);
    let written = database.write(
        Actor::service("test"),
        None,
        input,
        |write, (id, count, pause)| {
            Box::pin(async move {
                if !write.is_alone() {
                    let place = "SELECT pg_current_xact_id()";
                    write.connection().execute_unprepared(place).await?;
                }
                for _ in 0..*pause * 50 {
                    tokio::task::yield_now().await;
                }
                for _ in 0..*count {
                    write.change(Change::new(Topic::Organization, Action::Updated, *id));
                }
                write.audit(AuditRecord::new("test"));
                Ok::<_, Failure>(())
            })
        },
    );
    written.await.expect("written");
}

/// Every cursor of the log's changes of organizations, in their order.
async fn all(app: &TestApp) -> Vec<String> {
    let query = "query($after: ChangeCursor) { changes(after: $after, first: 200, filter: { topics: [ORGANIZATION] }) {
        changes { cursor } cursor hasMore } }";
    let mut cursors = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = app.admin().ask(query, json!({ "after": after })).await;
        let page = &answer.data()["changes"];
        let changes = page["changes"].as_array().unwrap();
        cursors.extend(
            changes
                .iter()
                .map(|change| change["cursor"].as_str().unwrap().to_owned()),
        );
        if page["hasMore"] == false {
            return cursors;
        }
        after = page["cursor"].clone();
    }
}

async fn follows(db: TestDatabase, kind: &str, seed: u64) {
    let Some(folder) = folder() else { return };
    let replicas = match db.backend {
        Backend::Sqlite => 1,
        Backend::Postgres => 3,
    };
    let app = TestApp::with_tree(db).await;
    app.settle().await;
    // With the clock that the services have: to them the test's own is long ago, and not kept any more.
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let own = app::open_database(&app.config, Clock::system(), false, &mut rng).await;
    let own = own.expect("the database opens");
    let organization = OrganizationId(1);
    let dir = app.config.server.data_dir.clone();
    let database = app.config.database.url.as_ref().unwrap().expose().to_owned();
    let minted = process::run(&[
        "token",
        "--role",
        "DISTRICT_ADMIN",
        "--data-dir",
        dir.to_str().unwrap(),
    ]);
    let token = process::stdout(&minted).trim().to_owned();
    let mut services: Vec<Option<Service>> = (0..replicas)
        .map(|_| Some(Service::start(&dir, Some(&database))))
        .collect();
    let url = |services: &[Option<Service>], which: usize| {
        let running: Vec<&Service> = services.iter().flatten().collect();
        running[which % running.len()].url.clone()
    };
    let mut follower = Follower::start(folder, kind, &url(&services, 0), &token);
    let connected = tokio::time::timeout(Duration::from_secs(30), follower.connected.recv());
    assert_eq!(
        connected.await.expect("it connects").as_deref(),
        Some("connected")
    );
    // The reader begins where the log ends when the service has read its subscription: a first change shows that it has.
    let mut got = Vec::new();
    while got.is_empty() {
        change(&own, organization, 1, 0).await;
        if let Ok(Some(cursor)) =
            tokio::time::timeout(Duration::from_millis(500), follower.cursors.recv()).await
        {
            got.push(cursor);
        }
    }

    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let rng = ChaCha20Rng::seed_from_u64(seed + writer as u64 + 1);
            tokio::spawn(write(own.clone(), organization, rng))
        })
        .collect();
    let mut disconnects = 0;
    while got.len() < ALL {
        got.push(follower.cursor().await);
        if got.len() < (disconnects + 1) * ALL / (DISCONNECTS + 1) || disconnects == DISCONNECTS {
            continue;
        }
        disconnects += 1;
        match (disconnects, replicas) {
            // The only one, or one of three, dies, and another comes.
            (7, _) | (14, 1) => {
                let which = rng.random_range(0..replicas);
                if let Some(service) = services[which].take() {
                    service.kill();
                }
                services[which] = Some(Service::start(&dir, Some(&database)));
                follower.command(&url(&services, which));
            }
            // One is asked to go: it sends its clients away.
            (14, _) => {
                let gone = services[0].take().unwrap();
                follower.command(&url(&services, 0));
                let (status, _) = tokio::task::spawn_blocking(move || gone.terminate())
                    .await
                    .unwrap();
                assert!(status.success());
            }
            _ => {
                follower.command(&url(&services, rng.random_range(0..replicas)));
                follower.command("cut");
            }
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    app.settle().await;
    let mut expected = all(&app).await;
    // From the first that it was told of on.
    let begins = expected.iter().position(|cursor| *cursor == got[0]);
    let begins = begins.unwrap_or_else(|| {
        panic!(
            "{} is not in the log: {} from {:?} on",
            got[0],
            expected.len(),
            expected.first()
        )
    });
    expected.drain(..begins);
    while got.len() < expected.len() {
        got.push(follower.cursor().await);
    }
    assert!(got == expected, "missing, doubled or in another order");
    assert_eq!(disconnects, DISCONNECTS);
    assert!(expected.len() >= ALL);
    eprintln!("{kind}: {} changes over {disconnects} disconnects", got.len());
}

on_both!(graphql_ws_goes_on_where_it_was, |db| follows(db, "ws", 1));
on_both!(graphql_sse_goes_on_where_it_was, |db| follows(db, "sse", 2));
