//! A load that records what was acknowledged, and the checker that compares it with what is there.

mod streams;
mod writers;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};
use zhibu::kernel::clock::Clock;

use self::{
    streams::{STANDINGS, follow, watch_standings},
    writers::{keyed, push},
};
use super::tally::{Tally, rows};
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

/// What was acknowledged.
#[derive(Clone, Default)]
pub struct Acknowledged {
    /// Events, of earned points and of reversals; no answer names their ids.
    events: BTreeSet<String>,
    /// Codes that may be there once, with the id that was answered.
    organizations: BTreeMap<String, i64>,
    /// Documents of adjustments, likewise.
    documents: BTreeMap<String, i64>,
}

impl Acknowledged {
    /// Looks for all of it in a database.
    pub async fn compare(&self, raw: &DatabaseConnection) -> Tally {
        let mut tally = Tally::default();
        let events = "SELECT event_id AS name, id FROM point_entry WHERE document_number IS NULL";
        let asked = self.events.iter().map(|name| (name.as_str(), None));
        tally.compare(asked, &rows(raw, events).await);
        let organizations = "SELECT code AS name, id FROM organization WHERE code LIKE 'K%'";
        let documents =
            "SELECT document_number AS name, id FROM point_entry WHERE document_number IS NOT NULL";
        for (answered, sql) in [(&self.organizations, organizations), (&self.documents, documents)] {
            let answered = answered.iter().map(|(name, id)| (name.as_str(), Some(*id)));
            tally.compare(answered, &rows(raw, sql).await);
        }
        tally
    }

    /// How many things.
    pub fn len(&self) -> usize {
        self.events.len() + self.organizations.len() + self.documents.len()
    }
}

struct Shared {
    url: watch::Receiver<String>,
    admin: String,
    adapter: String,
    district: String,
    branch: String,
    /// The oldest place of the change log.
    start: Mutex<String>,
    /// How often the database was restored: so often a cursor may be of before.
    restores: AtomicUsize,
    acknowledged: Mutex<Acknowledged>,
    answers: watch::Sender<usize>,
    done: AtomicBool,
}

impl Shared {
    fn start(&self) -> String {
        self.start.lock().unwrap().clone()
    }
}

/// The transport's name, the cursors that came once it ends, and how many have come.
type Stream = (&'static str, JoinHandle<Vec<String>>, watch::Receiver<usize>);

/// The transport's name, what follows, and how many values have come, with the last.
type Standings = (&'static str, JoinHandle<()>, watch::Receiver<(usize, Value)>);

/// A district of its own with clients that write to it and follow its changes, wherever the service is meanwhile.
pub struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    streams: Vec<Stream>,
    standings: Vec<Standings>,
    /// Where the tests' own service keeps keys, for the binary too.
    pub dir: PathBuf,
    /// The database as the test reaches it, past any fault.
    direct: String,
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

    /// A service over it in this process, whose clock the test moves; it begins at the machine's time.
    pub async fn serve(&self, db: &TestDatabase) -> TestApp {
        let keys = self.dir.path().to_owned();
        let app = TestApp::with_config(db.lent(), |config| config.server.data_dir = keys).await;
        app.clock.set(&Clock::system().machine().to_rfc3339());
        app
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
            start: Mutex::new(self.start.clone()),
            restores: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
            answers: watch::Sender::new(0),
            done: AtomicBool::new(false),
        });
        let mut writers: Vec<JoinHandle<()>> = (0..2)
            .map(|n| tokio::spawn(push(shared.clone(), n, rounds)))
            .collect();
        writers.push(tokio::spawn(keyed(shared.clone(), rounds)));
        let transports = ["graphql-transport-ws", "graphql-sse"];
        let streams = transports.map(|name| {
            let (told, heard) = watch::channel(0);
            (name, tokio::spawn(follow(shared.clone(), name, told)), heard)
        });
        // Two of one cohort.
        let standings = transports.map(|name| {
            let (told, heard) = watch::channel((0, Value::Null));
            let watching = watch_standings(shared.clone(), name, told);
            (name, tokio::spawn(watching), heard)
        });
        Load {
            shared,
            writers,
            streams: streams.into(),
            standings: standings.into(),
            dir: self.dir.path().to_owned(),
            direct: direct.to_owned(),
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
        while *told.borrow_and_update() < answers {
            let more = tokio::time::timeout(SOON, told.changed()).await;
            more.expect("it goes on").unwrap();
        }
    }

    /// Everything that has been acknowledged.
    pub fn acknowledged(&self) -> Acknowledged {
        self.shared.acknowledged.lock().unwrap().clone()
    }

    /// Adds events that somebody else was promised.
    pub fn promise(&self, events: impl IntoIterator<Item = String>) {
        self.shared.acknowledged.lock().unwrap().events.extend(events);
    }

    /// The database is another from before, and its change log begins here: whoever comes with a cursor is told once.
    pub fn restored(&self, start: &str) {
        start.clone_into(&mut self.shared.start.lock().unwrap());
        self.shared.restores.fetch_add(1, Ordering::SeqCst);
    }

    /// The token of the district's clients.
    pub fn admin(&self) -> &str {
        &self.shared.admin
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
            // Not what was kept of an earlier one.
            .header("cache-control", "no-cache")
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
        let mut writers = futures_util::future::join_all(std::mem::take(&mut self.writers));
        let mut answers = self.shared.answers.subscribe();
        let ended = loop {
            tokio::select! {
                ended = &mut writers => break ended,
                more = tokio::time::timeout(SOON, answers.changed()) => more.expect("it goes on").unwrap(),
            }
        };
        for writer in ended {
            writer.expect("no client found something wrong");
        }
        let values = self.standings_are_fresh().await;
        let changes = self.streams_are_the_log().await;
        let raw = sea_orm::Database::connect(&self.direct).await.unwrap();
        let acknowledged = self.acknowledged();
        let tally = acknowledged.compare(&raw).await;
        let there = number(
            &raw,
            "SELECT (SELECT count(*) FROM point_entry) + (SELECT count(*) FROM organization WHERE code LIKE 'K%')",
        )
        .await;
        raw.close().await.unwrap();
        let more = format!("{changes} changes in each of 2 streams, {values:?} values of 2 subscribers");
        tally.close(what, &more);
        assert_eq!(
            usize::try_from(there).unwrap(),
            acknowledged.len(),
            "something that nobody asked for"
        );
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

    /// What subscribers of a value were told last is what a query says; gives how many values each was told.
    async fn standings_are_fresh(&mut self) -> Vec<usize> {
        let (_, answer) = self.query(&format!("{{ {STANDINGS} }}")).await;
        let fresh = &answer["data"]["leaderboard"];
        assert!(fresh["rows"].is_array(), "{answer:#}");
        let mut values = Vec::new();
        for (name, watching, heard) in self.standings.drain(..) {
            let mut heard = heard;
            let told = tokio::time::timeout(SOON, heard.wait_for(|(_, last)| last == fresh)).await;
            let told = told.map(|told| told.expect("it watches").0).ok();
            let told = told.unwrap_or_else(|| {
                let last = &heard.borrow().1;
                panic!("{name} was told {last:#} last, and it is {fresh:#}")
            });
            values.push(told);
            watching.abort();
        }
        values
    }

    /// Each stream has told every row of the log, in its order, each once; gives how many.
    async fn streams_are_the_log(&mut self) -> usize {
        let log = self.log().await;
        for (name, _, heard) in &self.streams {
            let mut heard = heard.clone();
            while *heard.borrow_and_update() < log.len() {
                let more = tokio::time::timeout(SOON, heard.changed()).await;
                assert!(more.is_ok(), "{name} never told all of {} changes", log.len());
            }
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
        let start = self.shared.start();
        let reading = async {
            loop {
                let rows = number(&raw, "SELECT count(*) FROM change_log WHERE topic <> 'SOURCE'").await;
                let after = cursors.last().unwrap_or(&start);
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

/// A number that the database says.
pub async fn number(raw: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
