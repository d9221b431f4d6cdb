//! The simulation's entries in random orders, with repeats, by callers at once, while the service is killed again and again:
//! what is answered is there, nothing is there twice, and it all comes to what the model says.
//!
//! `just torture` runs it with the large simulation.

use std::{collections::VecDeque, sync::Mutex};

use super::*;
use crate::{
    faults::tally::times,
    support::{TestDatabase, process::Service},
};

/// Callers at once.
const CALLERS: usize = 4;

const PUSH: &str = "mutation($input: PushPointsInput!) { pushPoints(input: $input) {
    accepted duplicates quarantined outcomes { status } userErrors { message } } }";

/// Deliveries that have not been answered yet, and how many have.
struct Deliveries {
    waiting: Mutex<VecDeque<Vec<String>>>,
    answered: watch::Sender<usize>,
    rows: Mutex<usize>,
}

impl Deliveries {
    fn next(&self) -> Option<Vec<String>> {
        self.waiting.lock().unwrap().pop_front()
    }
}

/// Every line of the list, in a random order, some of them again, in batches of random sizes.
fn deliveries(list: &List, rng: &mut ChaCha20Rng) -> VecDeque<Vec<String>> {
    let mut lines = Vec::new();
    simulate::ndjson(list, &mut lines).unwrap();
    let mut lines: Vec<String> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let again: Vec<String> = lines.iter().filter(|_| rng.random_bool(0.05)).cloned().collect();
    lines.extend(again);
    lines.shuffle(rng);
    let mut batches = VecDeque::new();
    while !lines.is_empty() {
        let rest = lines.split_off(lines.len().saturating_sub(rng.random_range(1..=1000)));
        batches.push_back(rest);
    }
    batches
}

/// Delivers a batch one way or the other; whether it was answered, with an outcome for each row.
async fn deliver(http: &reqwest::Client, url: &str, token: &str, batch: &[String]) -> bool {
    let answer = if batch.len().is_multiple_of(2) {
        let request = http
            .post(format!("{url}/platform/EJIA/points"))
            .bearer_auth(token);
        request
            .header("content-type", "application/x-ndjson")
            .body(batch.join("\n"))
    } else {
        let entries: Vec<Value> = batch
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let input = json!({ "input": { "sourceCode": demo::SOURCE, "entries": entries } });
        let body = json!({ "query": PUSH, "variables": input });
        http.post(format!("{url}/graphql")).bearer_auth(token).json(&body)
    };
    let Ok(answer) = answer.send().await else {
        return false;
    };
    let Ok(text) = answer.text().await else {
        return false;
    };
    if batch.len().is_multiple_of(2) {
        let last: Value = text
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_default();
        return last["done"] == true && last["through"] == batch.len();
    }
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let outcomes = answer["data"]["pushPoints"]["outcomes"].as_array();
    outcomes.is_some_and(|outcomes| outcomes.len() == batch.len())
}

/// Delivers until nothing is left, wherever the service is meanwhile.
async fn call(deliveries: Arc<Deliveries>, mut url: watch::Receiver<String>, token: String) {
    let http = reqwest::Client::new();
    while let Some(batch) = deliveries.next() {
        loop {
            let at = url.borrow_and_update().clone();
            if deliver(&http, &at, &token, &batch).await {
                break;
            }
            // It was killed: where it is started again is told.
            let moved = tokio::time::timeout(Duration::from_secs(120), url.changed()).await;
            moved.expect("the service is started again").expect("a service");
        }
        *deliveries.rows.lock().unwrap() += batch.len();
        deliveries.answered.send_modify(|answered| *answered += 1);
    }
}

async fn survives_kills(db: TestDatabase, seed: u64) {
    let app = TestApp::with_demo(db).await;
    app.open_source(demo::SOURCE).await;
    let district = simulate::district().unwrap();
    let list = simulate::build(&district, size());
    // Each time in the middle of a round of deliveries.
    let kills = 3 * times();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let dir = app.config.server.data_dir.clone();
    let database = app.config.database.url.as_ref().unwrap().expose().to_owned();
    let token = process::run(&[
        "token",
        "--role",
        "ADAPTER",
        "--source",
        "EJIA",
        "--data-dir",
        dir.to_str().unwrap(),
    ]);
    let token = process::stdout(&token).trim().to_owned();

    let waiting = deliveries(&list, &mut rng);
    let all = waiting.len();
    let (answered, mut told) = watch::channel(0);
    let deliveries = Arc::new(Deliveries {
        waiting: Mutex::new(waiting),
        answered,
        rows: Mutex::new(0),
    });
    let mut service = Service::start(&dir, Some(&database));
    let (moved, url) = watch::channel(service.url.clone());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(call(deliveries.clone(), url.clone(), token.clone())))
        .collect();
    for kill in 1..=kills {
        // After so many answers, and while others are on their way.
        let enough = all * kill / (kills + 1);
        told.wait_for(|answered| *answered >= enough).await.unwrap();
        service.kill();
        service = Service::start(&dir, Some(&database));
        moved.send(service.url.clone()).unwrap();
    }
    for caller in callers {
        caller.await.unwrap();
    }
    service.terminate();
    assert_eq!(*told.borrow(), all);
    let rows = *deliveries.rows.lock().unwrap();
    let what = format!("{kills} kills of the service in order {seed}");
    account(&app, &list, &what, &format!("{rows} rows in {all} deliveries")).await;
    is_as_the_model_has_it(&app, &district, &list).await;
}

macro_rules! orders {
    ($($name:ident => $seed:literal),* $(,)?) => {
        $(on_both!($name, |db| survives_kills(db, $seed));)*
    };
}

orders! {
    kills_in_the_first_order => 1,
    kills_in_the_second_order => 2,
    kills_in_the_third_order => 3,
    kills_in_the_fourth_order => 4,
    kills_in_the_fifth_order => 5,
}
