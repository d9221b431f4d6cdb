//! What must never be told: secrets are planted wherever callers and the configuration put them, and looked for in everything that
//! comes out.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Collector;
use crate::support::{
    Backend, TestDatabase, on_both,
    process::{Service, run, stdout},
};

const WEBHOOK_KEY: &str = "cGxhbnRlZC13ZWJob29rLWtleS1vZi0zMi1ieXRlcyE=";
const SUBJECT: &str = "planted-subject-7";
const NOTE: &str = "planted-note-about-somebody";
const EVENT: &str = "planted-reference-77";
const PHONE: &str = "13860412345";
const VARIABLE: &str = "planted-variable-text";
const KEY: &str = "planted-idempotency-key";
const PASSWORD: &str = "planted-database-password";
const REQUEST: &str = "front-end_1.42";
const REQUEST_WITH_CARD: &str = "r-11010519491231002X";
const COLLECTOR_TOKEN: &str = "planted-collector-token";

const PUSH: &str =
    "mutation Push($input: PushPointsInput!) { pushPoints(input: $input) { accepted userErrors { code } } }";

struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    fn ask(&self, query: &str, variables: Value) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }))
    }

    async fn done(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    async fn points(&self, signature: &str, body: &str) -> u16 {
        let request = self
            .http
            .post(format!("{}/platform/EJIA/points", self.url))
            .header("content-type", "application/x-ndjson")
            .header("webhook-id", "m1")
            .header("webhook-timestamp", chrono_now())
            .header("webhook-signature", signature.to_owned())
            .body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }
}

/// The binary's own clock runs, and so does this one.
fn chrono_now() -> String {
    use zhibu::kernel::clock::Clock;
    Clock::system().machine().timestamp().to_string()
}

fn sign(body: &str) -> String {
    let key = base64::engine::general_purpose::STANDARD
        .decode(WEBHOOK_KEY)
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("m1.{}.{body}", chrono_now()).as_bytes());
    let code = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    format!("v1,{code}")
}

fn token(data_dir: &std::path::Path) -> String {
    let dir = data_dir.to_str().unwrap();
    let printed = run(&[
        "token",
        "--data-dir",
        dir,
        "--role",
        "DISTRICT_ADMIN",
        "--sub",
        SUBJECT,
    ]);
    stdout(&printed).trim().to_owned()
}

fn configured(data_dir: &std::path::Path) -> String {
    let file = data_dir.join("zhibu.toml");
    let text = format!("[sources.EJIA]\nname = \"平台\"\nwebhook_secrets = [\"whsec_{WEBHOOK_KEY}\"]\n");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// PostgreSQL of the tests lets everybody in whatever their password.
fn with_password(db: &TestDatabase) -> String {
    match db.backend {
        Backend::Sqlite => db.url.clone(),
        Backend::Postgres => {
            let mut url = url::Url::parse(&db.url).unwrap();
            let _ = url.set_password(Some(PASSWORD));
            url.to_string()
        }
    }
}

on_both!(what_callers_send_is_in_nothing_that_is_told, |db| async move {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = configured(folder.path());
    let database = with_password(&db);
    let headers = format!("authorization=Bearer%20{COLLECTOR_TOKEN}");
    let variables = [
        ("ZHIBU_CONFIG", file.as_str()),
        ("ZHIBU_LOG_FILTER", "debug"),
        ("ZHIBU_LOG_REQUESTS", "true"),
        ("ZHIBU_TELEMETRY_TRACES", "1"),
        ("ZHIBU_TELEMETRY_TRUST_PARENT", "true"),
        ("ZHIBU_TELEMETRY_METRICS_LISTEN", "127.0.0.1:0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ];
    let service = Service::begin_with(folder.path(), Some(&database), &variables).ready();
    let figures = service.figures.clone().expect("figures are served");
    let client = Client {
        http: reqwest::Client::new(),
        url: service.url.clone(),
        token: token(folder.path()),
    };
    let row = json!({ "eventId": EVENT, "branchCode": PHONE, "points": 1, "note": NOTE,
        "occurredAt": "2026-02-01T12:00:00+08:00" });
    let input = json!({ "sourceCode": "EJIA", "entries": [row] });
    let pushed = client
        .ask(PUSH, json!({ "input": input }))
        .header("idempotency-key", format!("\"{KEY}\""));
    let (status, answer) = client.done(pushed).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"]["pushPoints"]["userErrors"], json!([]), "{answer}");
    // A literal, a variable that fits and one that does not, a name that is no name, a search.
    let search =
        "query Find($text: String!) { branches(first: 1, filter: { search: $text }) { nodes { code } } }";
    client.done(client.ask(search, json!({ "text": VARIABLE }))).await;
    client
        .done(client.ask(search, json!({ "text": { "a": VARIABLE } })))
        .await;
    let literal = format!("{{ branch(by: {{ code: \"{PHONE}\" }}) {{ name }} }}");
    client.done(client.ask(&literal, json!({}))).await;
    client
        .done(client.ask(&format!("{{ nothing(text: \"{NOTE}\") }}"), json!({})))
        .await;
    client.done(client.ask("{ a", json!({}))).await;
    let two = "query A { viewer { role } } query B { viewer { role } }";
    let named = json!({ "query": two, "operationName": VARIABLE });
    let long = client
        .http
        .post(format!("{}/graphql", client.url))
        .bearer_auth(&client.token)
        .json(&named);
    client.done(long).await;
    // Tokens and signatures that are not taken, and one that is.
    let forged = client
        .http
        .post(format!("{}/graphql", service.url))
        .bearer_auth(format!("{}x", client.token));
    let (status, _) = client
        .done(forged.json(&json!({ "query": "{ viewer { role } }" })))
        .await;
    assert_eq!(status, 401);
    let body = format!("{row}\n");
    assert_eq!(client.points("v1,cGxhbnRlZA==", &body).await, 401);
    assert_eq!(client.points(&sign(&body), &body).await, 200);
    let weird = client
        .ask("{ viewer { role } }", json!({}))
        .header("x-request-id", "in ject")
        .header(
            "traceparent",
            format!("00-{}-b7ad6b7169203331-01", "a".repeat(32)),
        )
        .header("tracestate", format!("vendor={VARIABLE}"));
    client.done(weird).await;
    // Its caller finds it again; a person's number nobody does.
    for (id, kept) in [(REQUEST, true), (REQUEST_WITH_CARD, false), (PHONE, false)] {
        let asked = client
            .ask("{ viewer { role } }", json!({}))
            .header("x-request-id", id);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"] == id, kept, "{id}");
    }
    let scraped = client.http.get(&figures).send().await.unwrap();
    assert_eq!(
        scraped.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let figures = scraped.text().await.unwrap();
    assert!(
        figures.contains("zhibu_points_entries_total{zhibu_outcome=\"quarantined\",zhibu_source=\"EJIA\"}"),
        "{figures}"
    );
    let (status, log) = service.terminate();
    assert!(status.success());
    // The end flushes: everything has come.
    let (exported, sent) = collector.everything();
    assert!(!collector.spans().is_empty() && !collector.figures().0.is_empty());
    assert_eq!(sent[0]["authorization"], format!("Bearer {COLLECTOR_TOKEN}"));
    let log = log.join("\n");
    let exported = String::from_utf8_lossy(&exported);
    let signature = client.token.rsplit('.').next().unwrap();
    for planted in [
        client.token.as_str(),
        signature,
        SUBJECT,
        NOTE,
        EVENT,
        PHONE,
        VARIABLE,
        KEY,
        WEBHOOK_KEY,
        PASSWORD,
        COLLECTOR_TOKEN,
        REQUEST_WITH_CARD,
    ] {
        for (what, text) in [
            ("log", log.as_str()),
            ("figures", &figures),
            ("exports", &exported),
        ] {
            let line = text.lines().find(|line| line.contains(planted));
            assert!(line.is_none(), "{planted} is in the {what}: {line:?}");
        }
    }
    assert!(log.lines().any(|line| line.contains(REQUEST)));
    lines_are_as_they_should(&log);
});

/// Every line is an object, each request has one, and each failure one.
fn lines_are_as_they_should(log: &str) {
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let of = |message: &str| {
        let found = lines.iter().filter(|line| line["fields"]["message"] == message);
        found.map(|line| &line["fields"]).collect::<Vec<_>>()
    };
    assert_eq!(of("a token was not taken").len(), 1);
    assert_eq!(of("a token was not taken")[0]["code"], "UNAUTHENTICATED");
    assert_eq!(of("a signature was not taken").len(), 1);
    let requests = of("request");
    let push = requests
        .iter()
        .find(|line| line["operation"] == "Push")
        .expect("its line");
    assert_eq!(push["method"], "POST");
    assert_eq!(push["path"], "/graphql");
    assert_eq!(push["status"], 200);
    assert_eq!(push["role"], "DISTRICT_ADMIN");
    assert_eq!(push["operation_type"], "mutation");
    assert_eq!(push["document"].as_str().unwrap().len(), 64);
    assert!(push["cost"].as_u64().unwrap() > 0 && push["ms"].as_f64().unwrap() > 0.0);
    assert!(!push["request_id"].as_str().unwrap().is_empty());
    let mut ids: Vec<&str> = requests
        .iter()
        .filter(|line| line["transport"] == "http")
        .filter_map(|line| line["request_id"].as_str())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "one line a request");
}
