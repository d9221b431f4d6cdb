//! What was answered is there, whatever happens to the process or to its database.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, TransactionTrait as _};
use serde_json::{Value, json};
use tokio::sync::Notify;
use zhibu::kernel::id::{NodeId as _, OrganizationId};

use crate::{
    faults::tally::{Tally, rows, times},
    support::{
        TestDatabase,
        app::{TestApp, eventually},
        branches::create,
        on_both, postgres,
        process::{Service, run, stderr, stdout},
        proxy::Proxy,
    },
};

/// Callers that write at once.
const CALLERS: usize = 6;

const CREATE: &str = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
    organization { id code } userErrors { code message } } }";

/// Somebody with a token.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    fn new(url: &str, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: url.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The answer with its status and whether it was replayed; None where there is none.
    async fn ask(&self, query: &str, variables: Value, key: Option<&str>) -> Option<(u16, bool, Value)> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotent-replayed");
        Some((status, replayed, response.json().await.ok()?))
    }

    async fn district(&self) -> String {
        let query = "{ organization(by: { code: \"D\" }) { id } }";
        let (_, _, answer) = self.ask(query, json!({}), None).await.expect("an answer");
        answer["data"]["organization"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:#}"))
            .to_owned()
    }

    /// Makes a committee; its id where it was answered that it is there.
    async fn create(&self, code: &str, district: &str) -> Option<(String, bool)> {
        let input = json!({ "code": code, "name": code, "kind": "COMMITTEE", "parentId": district });
        let (_, replayed, answer) = self.ask(CREATE, json!({ "input": input }), Some(code)).await?;
        let id = answer["data"]["createOrganization"]["organization"]["id"].as_str()?;
        Some((id.to_owned(), replayed))
    }
}

/// What a stream of mutations came to: what was answered by code, and what was asked and not answered.
#[derive(Default)]
struct Stream {
    answered: BTreeMap<String, String>,
    unanswered: Vec<String>,
}

/// Writes with several callers at once until their answers stop; `reached` is told at the given number of answers.
async fn stream(
    client: &Client,
    district: &str,
    prefix: &str,
    enough: usize,
    reached: Arc<Notify>,
) -> Stream {
    let answers = Arc::new(AtomicUsize::new(0));
    let callers = (0..CALLERS).map(|caller| {
        let (answers, reached) = (answers.clone(), reached.clone());
        async move {
            let mut stream = Stream::default();
            for n in 0.. {
                let code = format!("{prefix}-{caller}-{n}");
                match client.create(&code, district).await {
                    Some((id, _)) => {
                        stream.answered.insert(code, id);
                        if answers.fetch_add(1, Ordering::Relaxed) + 1 == enough {
                            reached.notify_one();
                        }
                    }
                    None => {
                        stream.unanswered.push(code);
                        break;
                    }
                }
            }
            stream
        }
    });
    let mut all = Stream::default();
    for stream in futures_util::future::join_all(callers).await {
        all.answered.extend(stream.answered);
        all.unanswered.extend(stream.unanswered);
    }
    all
}

async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Every organization has its audit entry, its change and its place in the tree, and none of these is without it.
async fn assert_nothing_is_half_done(url: &str) -> i64 {
    let raw = sea_orm::Database::connect(url).await.unwrap();
    let organizations = number(&raw, "SELECT count(*) FROM organization").await;
    for (what, sql, expected) in [
        (
            "audit entries",
            "SELECT count(*) FROM audit_entry WHERE action = 'createOrganization'",
            organizations,
        ),
        (
            "things that audit entries name",
            "SELECT count(DISTINCT node_id) FROM audit_entry WHERE action = 'createOrganization'",
            organizations,
        ),
        (
            "changes",
            "SELECT count(*) FROM change_log c JOIN organization o ON o.id = c.node_id \
             WHERE c.node_type = 'Organization' AND c.action = 'CREATED'",
            organizations,
        ),
        (
            "changes of nothing",
            "SELECT count(*) FROM change_log c LEFT JOIN organization o ON o.id = c.node_id \
             WHERE c.node_type = 'Organization' AND o.id IS NULL",
            0,
        ),
        (
            "places in the tree",
            "SELECT count(*) FROM organization_closure",
            // The district itself, and every other below it and itself.
            2 * organizations - 1,
        ),
        (
            "outcomes of keys",
            "SELECT count(*) FROM idempotency_key",
            organizations - 1,
        ),
    ] {
        assert_eq!(
            number(&raw, sql).await,
            expected,
            "{what} of {organizations} organizations"
        );
    }
    raw.close().await.unwrap();
    organizations
}

async fn codes(url: &str) -> BTreeMap<String, i64> {
    let raw = sea_orm::Database::connect(url).await.unwrap();
    let statement = Statement::from_string(
        raw.get_database_backend(),
        "SELECT code, count(*) AS times FROM organization GROUP BY code",
    );
    let rows = raw.query_all_raw(statement).await.unwrap();
    raw.close().await.unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get("", "code").unwrap(),
                row.try_get("", "times").unwrap(),
            )
        })
        .collect()
}

/// What each answer named, beside what is there.
async fn account(what: &str, answered: &BTreeMap<String, String>, url: &str) {
    let raw = sea_orm::Database::connect(url).await.unwrap();
    let there = rows(&raw, "SELECT code AS name, id FROM organization").await;
    raw.close().await.unwrap();
    let answered = answered.iter().map(|(code, id)| {
        let id = OrganizationId::from_global(id).expect("an organization's id");
        (code.as_str(), Some(id.0))
    });
    let mut tally = Tally::default();
    tally.compare(answered, &there);
    tally.close(what, "");
}

fn token(dir: &Path) -> String {
    let output = run(&[
        "token",
        "--role",
        "DISTRICT_ADMIN",
        "--data-dir",
        dir.to_str().unwrap(),
    ]);
    stdout(&output).trim().to_owned()
}

fn assert_verified(db: &TestDatabase, dir: &Path) {
    let output = run(&[
        "verify",
        "--database-url",
        &db.url,
        "--data-dir",
        dir.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

on_both!(
    kill_9_loses_nothing_answered_and_leaves_nothing_half_done,
    |db| async move {
        let dir = tempfile::tempdir().unwrap();
        let token = token(dir.path());
        let mut rng = ChaCha20Rng::seed_from_u64(20_261_123);
        let mut answered: BTreeMap<String, String> = BTreeMap::new();
        let mut unanswered: Vec<String> = Vec::new();
        let rounds = 5 * times();
        for round in 0..rounds {
            let service = Service::start(dir.path(), Some(&db.url));
            let client = Client::new(&service.url, &token);
            let district = client.district().await;
            // Whoever got no answer asks again under the same key: it is done once, whether it had been or not.
            for code in std::mem::take(&mut unanswered) {
                let (id, _) = client.create(&code, &district).await.expect("an answer");
                answered.insert(code, id);
            }
            // Whoever got one gets the same again.
            if let Some((code, id)) = answered.last_key_value() {
                assert_eq!(client.create(code, &district).await, Some((id.clone(), true)));
            }
            let reached = Arc::new(Notify::new());
            let enough = rng.random_range(1..80);
            let pause: u32 = rng.random_range(0..2000);
            let kill = async {
                reached.notified().await;
                // Not at an answer, but somewhere between two.
                for _ in 0..pause {
                    tokio::task::yield_now().await;
                }
                service.kill();
            };
            let prefix = format!("R{round}");
            let written = stream(&client, &district, &prefix, enough, reached.clone());
            let (written, ()) = tokio::join!(written, kill);
            assert!(written.answered.len() >= enough);
            assert_eq!(written.unanswered.len(), CALLERS);
            answered.extend(written.answered);
            unanswered.extend(written.unanswered);

            // As the crash left it, before anybody could have mended it.
            assert_nothing_is_half_done(&db.url).await;
            let there = codes(&db.url).await;
            for code in answered.keys() {
                assert_eq!(there.get(code), Some(&1), "answered and lost: {code}");
            }
            let known =
                1 + answered.len() + unanswered.iter().filter(|code| there.contains_key(*code)).count();
            assert_eq!(there.len(), known, "something nobody asked for");
            assert_verified(&db, dir.path());
        }
        // What each answer named is what is there.
        let service = Service::start(dir.path(), Some(&db.url));
        let client = Client::new(&service.url, &token);
        for (code, id) in &answered {
            let query = "query($id: ID!) { node(id: $id) { ... on Organization { code } } }";
            let (_, _, answer) = client.ask(query, json!({ "id": id }), None).await.unwrap();
            assert_eq!(answer["data"]["node"]["code"], json!(code));
        }
        assert!(service.terminate().0.success());
        assert_verified(&db, dir.path());
        account(
            &format!("{rounds} kills in streams of mutations"),
            &answered,
            &db.url,
        )
        .await;
    }
);

on_both!(
    sigterm_ends_it_cleanly_and_what_runs_is_answered,
    |db| async move {
        let dir = tempfile::tempdir().unwrap();
        let token = token(dir.path());
        let service = Service::start(dir.path(), Some(&db.url));
        let client = Client::new(&service.url, &token);
        let district = client.district().await;
        let reached = Arc::new(Notify::new());
        let stop = async {
            reached.notified().await;
            tokio::task::spawn_blocking(move || service.terminate())
                .await
                .unwrap()
        };
        let (written, (status, log)) =
            tokio::join!(stream(&client, &district, "T", 20, reached.clone()), stop);
        assert!(status.success(), "{status}");
        let troubles: Vec<_> = log
            .iter()
            .filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""))
            .collect();
        assert!(troubles.is_empty(), "{troubles:#?}");
        let there = codes(&db.url).await;
        for code in written.answered.keys() {
            assert!(there.contains_key(code), "answered and lost: {code}");
        }
        // It ended between requests: what it did not answer it did not do.
        for code in &written.unanswered {
            assert!(!there.contains_key(code), "done and not answered: {code}");
        }
        assert_nothing_is_half_done(&db.url).await;
        assert_verified(&db, dir.path());
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_start_together_on_an_empty_database_both_come_up() {
    for _ in 0..3 {
        let Some(db) = postgres::empty_database().await else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let starting: Vec<_> = (0..3)
            .map(|_| Service::begin(dir.path(), Some(&db.url)))
            .collect();
        let services: Vec<_> = starting.into_iter().map(|starting| starting.ready()).collect();
        let token = token(dir.path());
        let mut districts = Vec::new();
        for service in &services {
            districts.push(Client::new(&service.url, &token).district().await);
        }
        districts.dedup();
        assert_eq!(districts.len(), 1, "{districts:?}");
        // What one writes the other reads, and both count on in one log.
        for (n, service) in services.iter().enumerate() {
            let made = Client::new(&service.url, &token)
                .create(&format!("C{n}"), &districts[0])
                .await;
            assert!(made.is_some());
        }
        assert_eq!(assert_nothing_is_half_done(&db.url).await, 4);
        for service in services {
            assert!(service.terminate().0.success());
        }
        assert_verified(&db, dir.path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_of_a_demonstration_start_together_and_stand_at_its_date() {
    let Some(db) = postgres::empty_database().await else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let starting: Vec<_> = (0..2).map(|_| Service::begin_demo(dir.path(), &db.url)).collect();
    let services: Vec<_> = starting.into_iter().map(|starting| starting.ready()).collect();
    let token = token(dir.path());
    // After the demonstration's date and before the machine's.
    let query = "mutation($input: ReportHeadcountInput!) { reportHeadcount(input: $input) {
        userErrors { code message } } }";
    for service in &services {
        let client = Client::new(&service.url, &token);
        let district = "{ organizations(kind: DISTRICT) { nodes { id } } }";
        let (_, _, body) = client.ask(district, json!({}), None).await.unwrap();
        let district = &body["data"]["organizations"]["nodes"][0]["id"];
        let input =
            json!({ "organizationId": district, "kind": "VOLUNTEER", "count": 1, "asOf": "2023-01-01" });
        let (_, _, body) = client.ask(query, json!({ "input": input }), None).await.unwrap();
        let errors = &body["data"]["reportHeadcount"]["userErrors"];
        assert_eq!(errors[0]["code"], "RULE_VIOLATION", "{body:#}");
    }
    for service in services {
        assert!(service.terminate().0.success());
    }
}

/// Writing the log's state is held up until all of them have read what they decide by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_open_one_log_at_once_agree_on_it() {
    const REPLICAS: u64 = 4;
    let Some(db) = postgres::database().await else {
        return;
    };
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    let holder = raw.begin().await.unwrap();
    holder
        .execute_unprepared("LOCK TABLE change_log_state IN EXCLUSIVE MODE")
        .await
        .unwrap();
    let replicas = (0..REPLICAS).map(|n| {
        let mut overrides = zhibu::config::Overrides::default();
        let dir = tempfile::tempdir().unwrap();
        overrides.set("server.data_dir", "--data-dir", dir.path().to_str());
        overrides.set("database.url", "--database-url", Some(db.url.clone()));
        async move {
            let config = zhibu::config::Config::load(None, [], &overrides).unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(n);
            let clock = zhibu::kernel::clock::Clock::system();
            let database = zhibu::app::open_database(&config, clock, false, &mut rng).await;
            drop(dir);
            database.expect("it opens").incarnation().await.unwrap()
        }
    });
    let release = async {
        let waits = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let watch = sea_orm::Database::connect(&db.url).await.unwrap();
        eventually("all of them wait", async || {
            number(&watch, waits).await >= i64::try_from(REPLICAS).unwrap()
        })
        .await;
        holder.rollback().await.unwrap();
    };
    let (opened, ()) = tokio::join!(futures_util::future::join_all(replicas), release);
    assert_eq!(opened[0].number, 1);
    assert!(opened.iter().all(|log| *log == opened[0]), "{opened:?}");
}

/// What `/readyz` says; a probe does not wait for ever either.
async fn ready(app: &TestApp) -> u16 {
    let request = app.http().get(format!("{}/readyz", app.url));
    let answer = app
        .nobody()
        .send(request.timeout(std::time::Duration::from_secs(20)))
        .await;
    answer.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_callers_are_told_when_to_come_back() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::with_tree(db).await;
    let parent = app.organization_id("D").await;
    assert_eq!(ready(&app).await, 200);
    proxy.cut();
    let input = json!({ "code": "C3", "name": "街道", "kind": "COMMITTEE", "parentId": parent });
    let query = "{ organizations { totalCount } }";
    for (what, accept, document, variables) in [
        ("a query", "application/graphql-response+json", query, json!({})),
        ("a query", "application/json", query, json!({})),
        (
            "a mutation",
            "application/json",
            CREATE,
            json!({ "input": input }),
        ),
    ] {
        let body = json!({ "query": document, "variables": variables });
        let admin = app.admin();
        let request = app
            .http()
            .post(format!("{}/graphql", app.url))
            .bearer_auth(admin.token().unwrap())
            .header("accept", accept)
            .json(&body);
        let answer = admin.send(request).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (503, "UNAVAILABLE"),
            "{what}"
        );
        let seconds = &answer.body["errors"][0]["extensions"]["retryAfter"];
        assert!(
            seconds.as_u64().is_some_and(|s| s > 0),
            "{what}: {:#}",
            answer.body
        );
        assert_eq!(
            answer.headers["retry-after"].to_str().unwrap(),
            seconds.to_string(),
            "{what}"
        );
    }
    // A token whose code has to be looked up is not refused for it.
    let officer = app.committee("C1").ask(query, json!({})).await;
    assert_eq!((officer.status, officer.error_code()), (503, "UNAVAILABLE"));
    assert_eq!(ready(&app).await, 503);
    let alive = app
        .nobody()
        .send(app.http().get(format!("{}/livez", app.url)))
        .await;
    assert_eq!(alive.status, 200);

    proxy.restore();
    eventually("it answers again", async || {
        app.admin().ask(query, json!({})).await.status == 200
    })
    .await;
    eventually("it is ready again", async || ready(&app).await == 200).await;
    let made = app
        .admin()
        .mutate("createOrganization", "organization { code }", input)
        .await;
    assert_eq!(made.done()["organization"]["code"], "C3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_at_all_is_not_ready_either() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::with_config(db, |config| {
        config.server.request_timeout = std::time::Duration::from_millis(500);
    })
    .await;
    assert_eq!(ready(&app).await, 200);
    proxy.stall();
    assert_eq!(ready(&app).await, 503);
    let answer = app
        .admin()
        .ask("{ organizations { totalCount } }", json!({}))
        .await;
    assert_eq!((answer.status, answer.error_code()), (504, "TIMEOUT"));
    proxy.restore();
    eventually("it is ready again", async || ready(&app).await == 200).await;
    let data = app.admin().data("{ organizations { totalCount } }").await;
    assert_eq!(data["organizations"]["totalCount"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_waits_for_nobody_who_only_refers_to_its_rows() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let app = TestApp::with_tree(db).await;
    let branch = create(&app, "B1", json!({})).await;
    let c1 = app.organization_id("C1").await;
    // What an insert of rows that refer to them holds until its transaction ends: a training's branches, say. Two
    // that wait for each other's in another order deadlock.
    let raw = app.raw().await;
    let holder = raw.begin().await.unwrap();
    for table in ["organization", "branch"] {
        holder
            .execute_unprepared(&format!("SELECT id FROM {table} FOR KEY SHARE"))
            .await
            .unwrap();
    }
    let done = async {
        let input = json!({ "id": branch, "version": 1, "memberCount": 20 });
        app.admin()
            .mutate("updateBranch", "branch { id }", input)
            .await
            .done();
        let input = json!({ "id": c1, "version": 1, "name": "改名" });
        app.admin()
            .mutate("updateOrganization", "organization { id }", input)
            .await
            .done();
        let input = json!({ "branchId": branch, "name": "品牌", "description": "做法" });
        app.secretary_of("B1")
            .mutate("saveBrand", "brand { id }", input)
            .await
            .done();
    };
    // Far below the 10 s after which waiting for a lock is given up.
    tokio::time::timeout(std::time::Duration::from_secs(5), done)
        .await
        .expect("they wait for nothing");
    holder.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_cut_off_in_flight_is_answered_and_there_or_neither() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let direct = db.url.clone();
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::on(db).await;
    app.create_organization("D", "DISTRICT", None).await;
    let client = Client::new(&app.url, app.admin().token().unwrap());
    let district = client.district().await;

    // One that waits for somebody else's lock when the wire is cut.
    let raw = sea_orm::Database::connect(&direct).await.unwrap();
    let holder = raw.begin().await.unwrap();
    holder
        .execute_unprepared("LOCK TABLE organization IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let waiting = client.create("W", &district);
    let cut = async {
        let waits = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let watch = sea_orm::Database::connect(&direct).await.unwrap();
        eventually("the mutation waits", async || number(&watch, waits).await > 0).await;
        proxy.cut();
    };
    let (answer, ()) = tokio::join!(waiting, cut);
    assert_eq!(answer, None);
    holder.rollback().await.unwrap();
    proxy.restore();
    eventually("it answers again", async || {
        client.create("W", &district).await.is_some()
    })
    .await;

    // Many, cut at moments of their own.
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut answered: BTreeMap<String, String> = BTreeMap::new();
    let rounds = 4 * times();
    for round in 0..rounds {
        let reached = Arc::new(Notify::new());
        let enough = rng.random_range(1..60);
        let pause: u32 = rng.random_range(0..2000);
        let cut = async {
            reached.notified().await;
            for _ in 0..pause {
                tokio::task::yield_now().await;
            }
            proxy.cut();
        };
        let prefix = format!("X{round}");
        let written = stream(&client, &district, &prefix, enough, reached.clone());
        let (written, ()) = tokio::join!(written, cut);
        answered.extend(written.answered);
        proxy.restore();
        // Under the same key each is done once, whether it had been or not.
        for code in written.unanswered {
            eventually("it answers again", async || {
                match client.create(&code, &district).await {
                    Some((id, _)) => answered.insert(code.clone(), id).is_none(),
                    None => false,
                }
            })
            .await;
        }
        assert_nothing_is_half_done(&direct).await;
        let there = codes(&direct).await;
        // The district and the one that waited.
        assert_eq!(there.len(), answered.len() + 2);
        for code in answered.keys() {
            assert_eq!(there.get(code), Some(&1), "answered and lost: {code}");
        }
    }
    account(
        &format!("{rounds} cuts in streams of mutations"),
        &answered,
        &direct,
    )
    .await;
}
