//! What must never be told: secrets are planted wherever callers and the configuration put them, and looked for in everything that
//! comes out.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use sea_orm::ConnectionTrait as _;

use super::Collector;
use crate::support::{
    Backend, TestDatabase,
    app::eventually,
    on_both,
    platform::{Fault, Platform, Row},
    process::{Service, run, stdout},
    socket::Socket,
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
const LAST_EVENT: &str = "planted-last-event";
const PULL_KEY: &str = "planted-pull-key";
const PULL_SECRET: &str = "planted-client-secret";
const PULL_SIGNING_KEY: &str = "planted-signing-secret";
/// What the stand-in for a platform says when something is wrong with it.
const PLATFORM_MESSAGE: &str = "系统繁忙";
const PLATFORM_PHONE: &str = "13800138000";

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

fn configured(data_dir: &std::path::Path, platform: &Platform) -> String {
    let file = data_dir.join("zhibu.toml");
    let pushed = format!("[sources.EJIA]\nname = \"平台\"\nwebhook_secrets = [\"whsec_{WEBHOOK_KEY}\"]\n");
    let pulled = |code: &str, auth: &str| {
        let source = platform.by_cursor("retries = 0\nevery = '1s'");
        let source = source.replace("sources.EJIA", &format!("sources.{code}"));
        format!("{source}\n[sources.{code}.pull.auth]\n{auth}\n")
    };
    let by_key = pulled(
        "KEY",
        &format!("kind = 'header'\nname = 'x-key'\nvalue = '{PULL_KEY}'"),
    );
    // Its provider takes another secret.
    let by_token = pulled(
        "TOKEN",
        &format!(
            "kind = 'client-credentials'\ntoken_url = '{}/oauth/token'\nclient_id = 'zhibu'\nclient_secret = '{PULL_SECRET}'",
            platform.url
        ),
    );
    let signing = pulled("SIGNED", &format!("kind = 'hmac'\nsecret = '{PULL_SIGNING_KEY}'"));
    let text = format!("{pushed}{by_key}{by_token}{signing}");
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
    let platform = Platform::start().await;
    platform.faults([Fault::Code(json!("E-9")), Fault::Code(json!("E-9"))]);
    platform.add(Row {
        id: 1,
        updated: "2026-03-01 00:00:00.000".to_owned(),
        fields: json!({ "eventNo": EVENT, "orgCode": PHONE, "type": NOTE, "activity": VARIABLE, "score": 1,
            "happenedAt": "2026-02-01 09:00:00", "refNo": null }),
    });
    let file = configured(folder.path(), &platform);
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
    by_other_doors(&client, search).await;
    eventually("every source has been pulled and told why not", async || {
        let sources = "{ pointSources { code lastError runs(first: 9) { totalCount } } }";
        let (_, answer) = client.done(client.ask(sources, json!({}))).await;
        let sources = answer["data"]["pointSources"].as_array().unwrap().clone();
        let pulled = |code: &str| sources.iter().find(|source| source["code"] == code).unwrap();
        let times = |code: &str| pulled(code)["runs"]["totalCount"].as_i64().unwrap();
        !pulled("TOKEN")["lastError"].is_null() && times("KEY") > 2 && times("SIGNED") > 2
    })
    .await;
    assert!(platform.times() > 2, "its message, and then its row");
    database_fails(&client, &db, &row).await;
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
        LAST_EVENT,
        PULL_KEY,
        PULL_SECRET,
        PULL_SIGNING_KEY,
        PLATFORM_MESSAGE,
        PLATFORM_PHONE,
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

/// Over sockets, in event streams, and in a URL.
async fn by_other_doors(client: &Client, search: &str) {
    let forged = format!("{}x", client.token);
    let variables = json!({ "text": VARIABLE });
    let protocol = Some("graphql-transport-ws");
    let mut socket = Socket::at(&client.url, protocol).await.expect("an upgrade");
    socket.init(Some(&client.token)).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket.subscribe("1", search, variables.clone()).await;
    assert_eq!(socket.hear().await["type"], "next");
    assert_eq!(socket.hear().await["type"], "complete");
    // The same token again, and one that is nobody's.
    for (token, renewed) in [(&client.token, true), (&forged, false)] {
        let token = format!("Bearer {token}");
        socket
            .say(json!({ "type": "ping", "payload": { "authorization": token } }))
            .await;
        match renewed {
            true => assert_eq!(socket.hear().await["type"], "pong"),
            false => assert_eq!(socket.closed().await, 4403),
        }
    }
    let mut socket = Socket::at(&client.url, protocol).await.expect("an upgrade");
    socket.init(Some(&forged)).await;
    assert_eq!(socket.closed().await, 4403);

    for path in ["/graphql", "/graphql/stream"] {
        let streamed = client
            .http
            .post(format!("{}{path}", client.url))
            .bearer_auth(&client.token)
            .header("accept", "text/event-stream")
            .json(&json!({ "query": search, "variables": variables }));
        let answer = streamed.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(answer.text().await.unwrap().contains("event: complete"));
    }
    let resumed = client
        .http
        .post(format!("{}/graphql/stream", client.url))
        .bearer_auth(&client.token)
        .header("last-event-id", LAST_EVENT)
        .json(&json!({ "query": "subscription { changes { cursor } }" }));
    let (_, answer) = client.done(resumed).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "CURSOR_EXPIRED",
        "{answer}"
    );

    // Who puts a token into a URL has it in the logs of proxies, and not in ours.
    for path in ["/graphql", "/graphql/stream", "/platform/EJIA/points", "/nothing"] {
        let mut url = url::Url::parse(&format!("{}{path}", client.url)).unwrap();
        url.query_pairs_mut()
            .append_pair("query", search)
            .append_pair("variables", &variables.to_string())
            .append_pair("access_token", &client.token)
            .append_pair("authorization", &format!("Bearer {}", client.token));
        let asked = client.http.get(url.clone()).bearer_auth(&client.token);
        asked.send().await.unwrap();
        client.http.post(url).send().await.unwrap();
    }
}

/// The database refuses rows while what callers wrote stands in them: PostgreSQL tells of the whole row.
async fn database_fails(client: &Client, db: &TestDatabase, row: &Value) {
    let refuses = match db.backend {
        Backend::Sqlite => {
            "CREATE TRIGGER refused BEFORE INSERT ON quarantined_entry BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        Backend::Postgres => "ALTER TABLE quarantined_entry ADD CONSTRAINT refused CHECK (false) NOT VALID",
    };
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    raw.execute_unprepared(refuses).await.unwrap();
    let mut row = row.clone();
    // Not the one that waits already.
    row["points"] = json!(2);
    let input = json!({ "sourceCode": "EJIA", "entries": [row] });
    let (_, answer) = client.done(client.ask(PUSH, json!({ "input": input }))).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "INTERNAL", "{answer}");
    let body = format!("{row}\n");
    assert_eq!(client.points(&sign(&body), &body).await, 500);
}

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
    // By HTTP, in a ping, and at the beginning of a socket.
    assert_eq!(of("a token was not taken").len(), 3);
    for line in of("a token was not taken") {
        assert_eq!(line["code"], "UNAUTHENTICATED");
        assert!(!line["request_id"].as_str().unwrap().is_empty());
    }
    // Of the mutation, and of the delivery.
    assert_eq!(of("internal error").len(), 2);
    for line in of("internal error") {
        assert!(!line["request_id"].as_str().unwrap().is_empty());
    }
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
