//! The stand-in platform, asked as an adapter would.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    num::NonZeroU32,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use zhibu::{
    demo,
    kernel::clock::Clock,
    platform::settings::Auth,
    simulate::{self, Faults, Options, Platform, Server, Settings, Size},
};

use crate::support::{
    app::{FakeClock, eventually},
    process,
};

/// A platform on a port of its own.
struct TestPlatform {
    url: String,
    settings: Settings,
    clock: FakeClock,
    http: Client,
    _stop: watch::Sender<bool>,
    _served: JoinHandle<std::io::Result<()>>,
}

impl TestPlatform {
    async fn start() -> Self {
        Self::with(0, Faults::default()).await
    }

    async fn with(per_minute: u32, faults: Faults) -> Self {
        let clock = FakeClock::new();
        let time = Clock::new(Arc::new(clock.clone()));
        time.pin_business_date(demo::BUSINESS_DATE);
        let district = simulate::district().unwrap();
        let list = simulate::build(&district, Size::Small);
        let platform = Platform::new(&district, list, time, faults, 1);
        let options = Options {
            client_id: "adapter".to_owned(),
            client_secret: "geheim".to_owned(),
            per_minute: NonZeroU32::new(per_minute),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new(listener, platform, options, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let (stop, stopped) = watch::channel(false);
        Self {
            url: server.url(),
            settings: server.settings(),
            clock,
            http: Client::new(),
            _served: tokio::spawn(server.run(stopped)),
            _stop: stop,
        }
    }

    async fn ask_for_token(&self, kind: &str, id: &str, secret: &str) -> (StatusCode, Value) {
        let form = format!("grant_type={kind}&client_id={id}&client_secret={secret}");
        let request = self
            .http
            .post(format!("{}/oauth/token", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn token(&self) -> String {
        let (status, answer) = self
            .ask_for_token("client_credentials", "adapter", "geheim")
            .await;
        assert_eq!(
            (status, &answer["token_type"]),
            (StatusCode::OK, &json!("Bearer"))
        );
        assert_eq!(answer["expires_in"], 300);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, token: &str, path: &str) -> reqwest::Result<reqwest::Response> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(token);
        request.send().await
    }

    async fn data(&self, token: &str, path: &str) -> Value {
        let answer = self.get(token, path).await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            (status, &body["code"], &body["msg"]),
            (StatusCode::OK, &json!(200), &json!("ok")),
            "{body}"
        );
        body["data"].clone()
    }

    /// The next page of so many rows behind a row.
    async fn behind(&self, token: &str, last: Option<&Value>, size: usize) -> Value {
        let path = match last {
            None => format!("/api/points?pageSize={size}"),
            Some(row) => format!(
                "/api/points?updatedSince={}&afterId={}&pageSize={size}",
                row["updatedAt"].as_str().unwrap().replace(' ', "%20"),
                row["id"]
            ),
        };
        self.data(token, &path).await
    }

    /// Every row behind a row, by place.
    async fn read(&self, token: &str, mut last: Option<Value>) -> Vec<Value> {
        let mut rows = Vec::new();
        loop {
            let page = self.behind(token, last.as_ref(), 1000).await;
            let list = page["list"].as_array().unwrap();
            rows.extend(list.iter().cloned());
            if page["hasMore"] == false {
                return rows;
            }
            last = list.last().cloned();
        }
    }

    async fn go_wrong(&self, faults: Value) {
        let request = self.http.put(format!("{}/faults", self.url)).json(&faults);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }

    async fn arrive(&self, entries: Value) {
        let request = self.http.post(format!("{}/entries", self.url)).json(&entries);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

fn events(rows: &[Value]) -> BTreeSet<(String, u64)> {
    let key = |row: &Value| {
        (
            row["eventNo"].as_str().unwrap().to_owned(),
            row["revision"].as_u64().unwrap(),
        )
    };
    rows.iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_given_for_the_secret_and_expires() {
    let platform = TestPlatform::start().await;
    for (kind, id, secret, status) in [
        ("client_credentials", "adapter", "other", StatusCode::UNAUTHORIZED),
        ("client_credentials", "other", "geheim", StatusCode::UNAUTHORIZED),
        ("password", "adapter", "geheim", StatusCode::BAD_REQUEST),
    ] {
        let (answered, body) = platform.ask_for_token(kind, id, secret).await;
        assert_eq!(answered, status, "{kind} {id} {secret}");
        assert!(body["access_token"].is_null());
    }
    let path = "/api/points?pageSize=1";
    for token in ["", "0123"] {
        let answer = platform.get(token, path).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], 401);
    }
    let token = platform.token().await;
    assert_ne!(token, platform.token().await);
    platform.clock.advance(TimeDelta::seconds(299));
    platform.data(&token, path).await;
    platform.clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        platform.get(&token, path).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_read_by_place_and_by_number_each_once() {
    let platform = TestPlatform::start().await;
    let token = platform.token().await;
    let list = simulate::build(&simulate::district().unwrap(), Size::Small);
    let rows = platform.read(&token, None).await;
    assert_eq!(rows.len(), list.len());
    assert_eq!(ids(&rows), (1..=list.len() as u64).collect::<Vec<_>>());
    for (row, entry) in rows.iter().zip(list.delivered()) {
        assert_eq!(row["eventNo"], entry.event_id);
        assert_eq!(row["revision"], entry.revision);
        assert_eq!(row["orgCode"], entry.branch_code);
        assert_eq!(row["type"], entry.kind.as_str());
        assert_eq!(
            row["score"].to_string().parse::<f64>().unwrap(),
            entry.points.hundredths() as f64 / 100.0
        );
        let local = (entry.occurred_at + TimeDelta::hours(8))
            .format("%Y-%m-%d %H:%M:%S")
            .to_string();
        assert_eq!(row["happenedAt"], local);
        assert_eq!(row["refNo"].as_str(), entry.refers_to.as_deref());
        assert_eq!(row["remark"].as_str(), entry.note.as_deref());
    }
    // The first page as it is written, and the number of rows.
    let text = platform
        .get(&token, "/api/points?pageNo=1&pageSize=1")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    insta::assert_snapshot!(text, @r#"{"code":200,"msg":"ok","data":{"list":[{"id":1,"eventNo":"E-2022-035520","revision":1,"orgCode":"HC-0653","type":"EARN","activity":"主题党日","score":3.00,"happenedAt":"2021-12-01 17:09:00","updatedAt":"2021-12-02 18:39:46.923","refNo":null,"remark":null}],"total":48005,"hasMore":true}}"#);
    // By number: 10 pages from the middle.
    let first = 20;
    for number in first..first + 10 {
        let page = platform
            .data(&token, &format!("/api/points?pageNo={number}&pageSize=500"))
            .await;
        assert_eq!(
            page["list"].as_array().unwrap()[..],
            rows[(number - 1) * 500..number * 500]
        );
        assert_eq!(page["hasMore"], true);
    }
    let beyond = platform
        .data(&token, "/api/points?pageNo=1000&pageSize=500")
        .await;
    assert_eq!((&beyond["list"], &beyond["hasMore"]), (&json!([]), &json!(false)));
    for wrong in [
        "pageNo=0",
        "pageSize=0",
        "pageSize=1001",
        "updatedSince=gestern",
        "pageNo=1&afterId=1",
    ] {
        let answer = platform
            .get(&token, &format!("/api/points?{wrong}"))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_are_told_by_code() {
    let platform = TestPlatform::start().await;
    let token = platform.token().await;
    let total = async |period: &str| {
        let data = platform
            .data(&token, &format!("/api/totals?period={period}"))
            .await;
        let list = data["list"].as_array().unwrap().clone();
        let of = |row: &Value| row["orgCode"] == demo::SHOWCASE_BRANCH;
        assert!(list.len() > 700, "{}", list.len());
        let score = list.iter().find(|row| of(row)).unwrap()["score"].to_string();
        (score.parse::<f64>().unwrap() * 100.0).round() as i64
    };
    let mut months = 0;
    for month in 1..=12 {
        months += total(&format!("2022-{month:02}")).await;
    }
    assert_eq!(total("2022").await, months);
    for wrong in ["period=2022-13", "period=July"] {
        let answer = platform
            .get(&token, &format!("/api/totals?{wrong}"))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_entries_happen_now_and_come_last_or_behind_the_readers_back() {
    let platform = TestPlatform::start().await;
    let token = platform.token().await;
    let before = platform.read(&token, None).await;
    platform.arrive(json!({ "count": 30 })).await;
    let new = platform.read(&token, before.last().cloned()).await;
    assert_eq!(new.len(), 30);
    for row in &new {
        let at = |name: &str| row[name].as_str().unwrap().to_owned();
        // It is 10:00 in Shanghai; the business date stands still, the platform's machine goes on.
        let happened = at("happenedAt");
        assert!(
            ("2022-12-31 09:55:00".."2022-12-31 10:00:01").contains(&happened.as_str()),
            "{row}"
        );
        assert!(at("updatedAt").starts_with("2026-03-02 10:00:00"), "{row}");
        assert!(at("eventNo")[1..].starts_with("-20260302T020000-"), "{row}");
    }
    let kinds: BTreeSet<&str> = new.iter().map(|row| row["type"].as_str().unwrap()).collect();
    assert!(kinds.contains("EARN") && kinds.len() > 1, "{kinds:?}");
    assert_eq!(events(&new).len(), 30);

    platform.arrive(json!({ "count": 2, "minutesAgo": 20 })).await;
    assert!(platform.read(&token, new.last().cloned()).await.is_empty());
    let reread = platform.read(&token, before.last().cloned()).await;
    assert_eq!(reread.len(), 32);
    assert!(
        reread[0]["updatedAt"]
            .as_str()
            .unwrap()
            .starts_with("2026-03-02 09:40:00")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_arrive_as_time_goes_by() {
    let platform = TestPlatform::with(60_000, Faults::default()).await;
    let token = platform.token().await;
    let total = async || {
        platform.data(&token, "/api/points?pageSize=1").await["total"]
            .as_u64()
            .unwrap()
    };
    let before = total().await;
    eventually("five entries arrive", async || total().await >= before + 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_fail_as_often_as_they_are_told_to() {
    let platform = TestPlatform::start().await;
    let token = platform.token().await;
    let path = "/api/points?pageSize=10";
    let next = |millis: Option<u64>| json!({ "next": 1, "millis": millis });

    platform.go_wrong(json!({ "latency": next(Some(60)) })).await;
    let started = Instant::now();
    platform.data(&token, path).await;
    assert!(started.elapsed() >= Duration::from_millis(60));

    platform.go_wrong(json!({ "status500": { "next": 2 } })).await;
    for left in [1, 0] {
        let answer = platform.get(&token, path).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.text().await.unwrap().starts_with("<html>"));
        let faults = platform
            .http
            .get(format!("{}/faults", platform.url))
            .send()
            .await
            .unwrap();
        let expected = json!({ "status500": { "probability": 0.0, "next": left } });
        assert_eq!(faults.json::<Value>().await.unwrap(), expected);
    }
    platform.data(&token, path).await;

    platform.go_wrong(json!({ "status429": next(Some(2500)) })).await;
    let answer = platform.get(&token, path).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"3".parse().unwrap())
    );

    platform.go_wrong(json!({ "dropped": next(None) })).await;
    let answer = platform.get(&token, path).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err(), "the body has its end");

    platform.go_wrong(json!({ "expiredToken": next(None) })).await;
    for _ in 0..2 {
        assert_eq!(
            platform.get(&token, path).await.unwrap().status(),
            StatusCode::UNAUTHORIZED
        );
    }
    platform.data(&platform.token().await, path).await;

    for wrong in [
        json!({ "status500": { "probability": 1.5 } }),
        json!({ "fire": {} }),
        json!({ "latency": { "ms": 1 } }),
    ] {
        let request = platform.http.put(format!("{}/faults", platform.url)).json(&wrong);
        assert!(
            request.send().await.unwrap().status().is_client_error(),
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_shift_repeat_and_hold_what_cannot_be_read() {
    let platform = TestPlatform::start().await;
    let token = platform.token().await;
    let page = async |number: usize| {
        let data = platform
            .data(&token, &format!("/api/points?pageNo={number}&pageSize=100"))
            .await;
        data["list"].as_array().unwrap().clone()
    };
    let (first, second) = (page(1).await, page(2).await);

    platform.go_wrong(json!({ "repeatedPage": { "next": 1 } })).await;
    assert_eq!(page(1).await, second);

    platform.go_wrong(json!({ "reordered": { "next": 1 } })).await;
    let reordered = page(1).await;
    assert_ne!(reordered, first);
    assert_eq!(events(&reordered), events(&first));

    platform.go_wrong(json!({ "malformed": { "next": 1 } })).await;
    let malformed = page(1).await;
    assert_eq!(malformed.len(), 104);
    assert_eq!(malformed.last(), first.last());
    assert!(malformed.contains(&Value::Null));
    let rest: Vec<Value> = malformed.into_iter().filter(|row| first.contains(row)).collect();
    assert_eq!(rest, first);

    platform.go_wrong(json!({ "renamedFields": { "next": 1 } })).await;
    let renamed = page(1).await;
    assert!(
        renamed
            .iter()
            .all(|row| row["eventNo"].is_null() && row["score"].is_null())
    );
    assert_eq!(renamed[0]["event_no"], first[0]["eventNo"]);

    // By number three rows are not seen; by place all are, those that moved once more.
    let before = platform.read(&token, None).await;
    platform.go_wrong(json!({ "shiftedPages": { "next": 1 } })).await;
    assert_eq!(page(1).await, first);
    assert_eq!(page(2).await[0], before[103]);
    let moved = platform.read(&token, before.last().cloned()).await;
    assert_eq!(moved.len(), 4);
    assert_eq!(events(&moved[..3]).difference(&events(&first)).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_can_be_repeated() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut faults = Faults::default();
        faults.extend(
            ["status500=0.3", "status429=0.2,2s", "reordered=0.5"]
                .map(|text| text.parse::<Faults>().unwrap()),
        );
        let platform = TestPlatform::with(0, faults).await;
        let token = platform.token().await;
        let mut answers = Vec::new();
        for _ in 0..40 {
            let answer = platform.get(&token, "/api/points?pageSize=5").await.unwrap();
            answers.push((answer.status(), answer.text().await.unwrap()));
        }
        runs.push(answers);
    }
    assert_eq!(runs[0], runs[1]);
    let failed = runs[0].iter().filter(|(status, _)| !status.is_success()).count();
    assert!((8..30).contains(&failed), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_settings_are_a_configuration() {
    let platform = TestPlatform::start().await;
    let source = platform.settings.source().unwrap();
    assert_eq!(
        (source.code.as_str(), source.name.as_str()),
        (demo::SOURCE, demo::SOURCE_NAME)
    );
    let pull = source.pull.unwrap();
    assert_eq!(pull.entries.url.as_str(), format!("{}/api/points", platform.url));
    assert_eq!(pull.fields.activity.meanings.len(), 12);
    assert!(pull.totals.is_some());
    let Auth::ClientCredentials {
        token_url,
        client_secret,
        ..
    } = pull.auth
    else {
        panic!("{:?}", pull.auth)
    };
    assert_eq!(token_url.as_str(), format!("{}/oauth/token", platform.url));
    assert_eq!(client_secret.expose(), "geheim");
}

#[test]
fn a_fault_that_is_none_is_a_usage_error() {
    for fault in [
        "fire=1",
        "status500",
        "status500=2",
        "status500=-0.1",
        "latency=soon",
        "dropped=next:x",
    ] {
        let output = process::run(&["simulate", "--fault", fault]);
        assert_eq!(output.status.code(), Some(2), "{fault}");
        assert!(
            process::stderr(&output).contains("--fault"),
            "{}",
            process::stderr(&output)
        );
    }
}

#[test]
fn its_entries_are_printed_as_the_bulk_route_takes_them() {
    let output = process::run(&["simulate", "--print", "ndjson"]);
    assert!(output.status.success(), "{}", process::stderr(&output));
    let printed = process::stdout(&output);
    let list = simulate::build(&simulate::district().unwrap(), Size::Small);
    assert_eq!(printed.lines().count(), list.len());
    for (line, entry) in printed.lines().zip(list.delivered()) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["eventId"], entry.event_id);
        assert_eq!(line["activity"], entry.activity.as_str());
        assert_eq!(
            line["occurredAt"].as_str().unwrap().parse(),
            Ok(entry.occurred_at)
        );
        assert_eq!(line["refersTo"].as_str(), entry.refers_to.as_deref());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_served_until_it_is_asked_to_end() {
    let mut command = process::zhibu(&["simulate", "--listen", "127.0.0.1:0", "--client-secret", "geheim"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            text.push_str(&line);
            text.push('\n');
            // The last line of the configuration.
            if line == "total = \"/score\"" {
                break;
            }
        }
        text
    });
    let text = text.await.unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let auth = &settings["sources"]["EJIA"]["pull"]["auth"];
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        auth["client_id"].as_str().unwrap(),
        auth["client_secret"].as_str().unwrap()
    );
    let request = Client::new()
        .post(auth["token_url"].as_str().unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap();
    assert!(status.unwrap().success());
}
