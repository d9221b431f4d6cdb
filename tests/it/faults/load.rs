//! A load that records what was acknowledged, and the checker that compares it with what is there.

mod streams;
mod writers;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};
use zhibu::kernel::clock::Clock;

use self::{
    streams::follow,
    writers::{keyed, push},
};
use crate::support::{
    TestDatabase,
    app::TestApp,
    branches::create,
    process::{run, stderr, stdout},
};

/// How long a client waits before it asks again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long anything may take that is to come.
const SOON: Duration = Duration::from_secs(120);

const CREATE: &str = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
    organization { id } userErrors { message } } }";

/// How many times as much as in the suite: `ZHIBU_TORTURE`.
pub fn times() -> usize {
    match std::env::var("ZHIBU_TORTURE").as_deref() {
        Ok("large") => 20,
        _ => 1,
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// Events, of earned points and of reversals.
    events: BTreeSet<String>,
    /// Names that may be there once, with the id that was answered.
    organizations: BTreeMap<String, String>,
    documents: BTreeMap<String, String>,
}

struct Shared {
    url: watch::Receiver<String>,
    admin: String,
    adapter: String,
    district: String,
    branch: String,
    acknowledged: Mutex<Acknowledged>,
    answers: watch::Sender<usize>,
    done: AtomicBool,
}

/// The transport's name, the cursors that came once it ends, and how many have come.
type Stream = (&'static str, JoinHandle<Vec<String>>, watch::Receiver<usize>);

/// A district of its own with clients that write to it and follow its changes, wherever the service is meanwhile.
pub struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    streams: Vec<Stream>,
    /// Where the tests' own service keeps keys, for the binary too.
    pub dir: PathBuf,
    /// The database as the test reaches it, past any fault.
    direct: String,
    start: String,
}

/// A planted district, and what its clients need.
pub struct Planted {
    /// Keys of the service.
    pub dir: tempfile::TempDir,
    admin: String,
    adapter: String,
    district: String,
    branch: String,
    start: String,
}

fn token(dir: &std::path::Path, arguments: &[&str]) -> String {
    let mut order = vec!["token", "--ttl", "8h", "--data-dir", dir.to_str().unwrap()];
    order.extend(arguments);
    stdout(&run(&order)).trim().to_owned()
}

impl Planted {
    /// Makes a district, a branch and a source in an empty database, by a service that ends then.
    pub async fn over(db: &TestDatabase) -> Self {
        let app = TestApp::on(db.lent()).await;
        // The binary's clock is the machine's: what is written here must not be old to it.
        app.clock.set(&Clock::system().machine().to_rfc3339());
        app.plant_tree().await;
        let branch = create(&app, "B1", json!({})).await;
        app.open_source("EJIA").await;
        app.settle().await;
        let start = app.admin().data("{ changes(first: 0) { cursor } }").await["changes"]["cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        let district = app.organization_id("D").await;
        app.database.clone().close().await;
        let dir = tempfile::tempdir().unwrap();
        Self {
            admin: token(dir.path(), &["--role", "DISTRICT_ADMIN"]),
            adapter: token(dir.path(), &["--role", "ADAPTER", "--source", "EJIA"]),
            dir,
            district,
            branch,
            start,
        }
    }

    /// The oldest place of the change log.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// Lets clients loose on the service at `url`: `rounds` batches of each writer.
    pub fn load(&self, url: watch::Receiver<String>, direct: &str, rounds: usize) -> Load {
        let shared = Arc::new(Shared {
            url,
            admin: self.admin.clone(),
            adapter: self.adapter.clone(),
            district: self.district.clone(),
            branch: self.branch.clone(),
            acknowledged: Mutex::default(),
            answers: watch::Sender::new(0),
            done: AtomicBool::new(false),
        });
        let mut writers: Vec<JoinHandle<()>> = (0..2)
            .map(|n| tokio::spawn(push(shared.clone(), n, rounds)))
            .collect();
        writers.push(tokio::spawn(keyed(shared.clone(), rounds)));
        let streams = ["graphql-transport-ws", "graphql-sse"]
            .into_iter()
            .map(|name| {
                let (told, heard) = watch::channel(0);
                let following = follow(shared.clone(), name, self.start.clone(), told);
                (name, tokio::spawn(following), heard)
            })
            .collect();
        Load {
            shared,
            writers,
            streams,
            dir: self.dir.path().to_owned(),
            direct: direct.to_owned(),
            start: self.start.clone(),
        }
    }
}

/// Waits a little, or until the service is elsewhere.
async fn wait_a_little(shared: &Shared) {
    let mut url = shared.url.clone();
    let _ = tokio::time::timeout(AGAIN, url.changed()).await;
}

impl Load {
    /// How many answers there are in all.
    pub fn all(rounds: usize) -> usize {
        3 * rounds
    }

    /// Waits until so many answers have come.
    pub async fn reaches(&self, answers: usize) {
        let mut told = self.shared.answers.subscribe();
        let reached = told.wait_for(|told| *told >= answers);
        tokio::time::timeout(SOON, reached)
            .await
            .expect("it goes on")
            .unwrap();
    }

    /// The names of everything that has been acknowledged.
    pub fn acknowledged(&self) -> Vec<String> {
        let acknowledged = self.shared.acknowledged.lock().unwrap();
        let names = acknowledged.events.iter();
        names
            .chain(acknowledged.organizations.keys())
            .chain(acknowledged.documents.keys())
            .cloned()
            .collect()
    }

    /// What clients have been answered so far.
    pub fn answers(&self) -> usize {
        *self.shared.answers.borrow()
    }

    /// What `/readyz` says; 0 where nobody answers.
    pub async fn ready(&self) -> u16 {
        let url = format!("{}/readyz", *self.shared.url.borrow());
        let asked = reqwest::Client::new()
            .get(url)
            .timeout(Duration::from_secs(20))
            .send();
        asked.await.map_or(0, |answer| answer.status().as_u16())
    }

    /// A query's status and answer.
    pub async fn query(&self, query: &str) -> (u16, Value) {
        let url = format!("{}/graphql", *self.shared.url.borrow());
        let asked = reqwest::Client::new()
            .post(url)
            .bearer_auth(&self.shared.admin)
            .timeout(Duration::from_secs(60))
            .json(&json!({ "query": query }))
            .send();
        let answer = asked.await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Tries to make an organization that no answer of the load stands for; gives the status.
    pub async fn write(&self, code: &str) -> (u16, Value) {
        let url = format!("{}/graphql", *self.shared.url.borrow());
        let input =
            json!({ "code": code, "name": code, "kind": "COMMITTEE", "parentId": self.shared.district });
        let asked = reqwest::Client::new()
            .post(url)
            .bearer_auth(&self.shared.admin)
            .header("idempotency-key", code)
            .json(&json!({ "query": CREATE, "variables": { "input": input } }))
            .send();
        let answer = asked.await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Waits until everything is answered, and compares it with what is there.
    pub async fn check(mut self, what: &str) {
        for writer in std::mem::take(&mut self.writers) {
            tokio::time::timeout(SOON, writer)
                .await
                .expect("it ends")
                .expect("no client found something wrong");
        }
        let rows = self.streams_are_the_log().await;
        let raw = sea_orm::Database::connect(&self.direct).await.unwrap();
        let there = |sql: &'static str| counted(&raw, sql);
        let events = there("SELECT event_id AS name, count(*) AS times FROM point_entry WHERE document_number IS NULL GROUP BY event_id").await;
        let organizations = there(
            "SELECT code AS name, count(*) AS times FROM organization WHERE code LIKE 'K%' GROUP BY code",
        )
        .await;
        let documents = there("SELECT document_number AS name, count(*) AS times FROM point_entry WHERE document_number IS NOT NULL GROUP BY document_number").await;
        raw.close().await.unwrap();
        let acknowledged = self.shared.acknowledged.lock().unwrap();
        let mut lost = Vec::new();
        let mut doubled = Vec::new();
        let mut names = 0;
        let mut found = 0;
        for (acknowledged, there) in [
            (acknowledged.events.iter().collect::<Vec<_>>(), &events),
            (acknowledged.organizations.keys().collect(), &organizations),
            (acknowledged.documents.keys().collect(), &documents),
        ] {
            names += acknowledged.len();
            for name in acknowledged {
                match there.get(name) {
                    Some(_) => found += 1,
                    None => lost.push(name.clone()),
                }
            }
            doubled.extend(there.iter().filter(|(_, times)| **times != 1));
        }
        eprintln!(
            "{what}: acknowledged {names}, found {found}, lost {}, doubled {}, stream rows {rows} of each of {}",
            lost.len(),
            doubled.len(),
            self.streams.len()
        );
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        // All were acknowledged in the end: what is there beside them nobody asked for.
        assert_eq!(events.len() + organizations.len() + documents.len(), names);
        let verified = run(&[
            "verify",
            "--database-url",
            &self.direct,
            "--data-dir",
            self.dir.to_str().unwrap(),
        ]);
        assert!(
            verified.status.success(),
            "{}{}",
            stdout(&verified),
            stderr(&verified)
        );
    }

    /// Each stream has told every row of the log, in its order, each once; gives how many.
    async fn streams_are_the_log(&mut self) -> usize {
        let log = self.log().await;
        for (name, _, heard) in &self.streams {
            let mut heard = heard.clone();
            let all = heard.wait_for(|heard| *heard >= log.len());
            let all = tokio::time::timeout(SOON, all).await;
            assert!(all.is_ok(), "{name} never told all of {} changes", log.len());
        }
        self.shared.done.store(true, Ordering::SeqCst);
        for (name, stream, _) in &mut self.streams {
            let heard = tokio::time::timeout(SOON, stream).await;
            let heard = heard.expect("it ends").expect("it found nothing wrong");
            let differs = heard.iter().zip(&log).position(|(heard, logged)| heard != logged);
            assert_eq!(differs, None, "{name} skipped a change, or told one twice");
            assert_eq!(heard.len(), log.len(), "{name}");
        }
        log.len()
    }

    /// The cursors of all changes but those of how a source stands, which its adapters follow, as a client that polls sees them, once it sees as many as there are rows.
    async fn log(&self) -> Vec<String> {
        let raw = sea_orm::Database::connect(&self.direct).await.unwrap();
        let mut cursors: Vec<String> = Vec::new();
        let reading = async {
            loop {
                let rows = number(&raw, "SELECT count(*) FROM change_log WHERE topic <> 'SOURCE'").await;
                let after = cursors.last().unwrap_or(&self.start);
                let query =
                    format!("{{ changes(first: 200, after: \"{after}\") {{ changes {{ cursor }} }} }}");
                let (_, answer) = self.query(&query).await;
                let page = answer["data"]["changes"]["changes"].as_array().cloned();
                let page = page.unwrap_or_default();
                cursors.extend(
                    page.iter()
                        .map(|change| change["cursor"].as_str().unwrap().to_owned()),
                );
                if page.is_empty() && i64::try_from(cursors.len()).unwrap() >= rows {
                    break;
                }
            }
        };
        tokio::time::timeout(SOON, reading)
            .await
            .expect("the log is read to its end");
        raw.close().await.unwrap();
        cursors
    }
}

async fn counted(raw: &DatabaseConnection, sql: &str) -> BTreeMap<String, i64> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let rows = raw.query_all_raw(statement).await.unwrap();
    let cells = rows.iter().map(|row| {
        (
            row.try_get("", "name").unwrap(),
            row.try_get("", "times").unwrap(),
        )
    });
    cells.collect()
}

/// A number that the database says.
pub async fn number(raw: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
