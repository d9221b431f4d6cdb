//! One line a failure, by whatever way it was asked for, with the id that its caller has.

use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection};
use serde_json::{Value, json};

use super::Collector;
use crate::support::{
    Backend, TestDatabase, on_both, postgres,
    process::{Service, run, stdout},
};

/// A service and who asks it.
struct Asked {
    service: Service,
    http: reqwest::Client,
    token: String,
    raw: DatabaseConnection,
    db: TestDatabase,
    _folder: tempfile::TempDir,
}

impl Asked {
    /// With the branch's source EJIA, and figures switched off: what is told to the log is told in any case.
    async fn start(db: TestDatabase, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zhibu.toml");
        std::fs::write(&file, "[sources.EJIA]\nname = '平台'\n").unwrap();
        let mut all = vec![("ZHIBU_CONFIG", file.to_str().unwrap())];
        all.extend_from_slice(variables);
        let service = Service::begin_with(folder.path(), Some(&db.url), &all).ready();
        let dir = folder.path().to_str().unwrap();
        let printed = run(&["token", "--data-dir", dir, "--role", "DISTRICT_ADMIN"]);
        let mut options = ConnectOptions::new(&db.url);
        options.max_connections(1);
        Self {
            http: reqwest::Client::new(),
            token: stdout(&printed).trim().to_owned(),
            raw: sea_orm::Database::connect(options).await.unwrap(),
            service,
            db,
            _folder: folder,
        }
    }

    async fn sql(&self, sqlite: &str, postgres: &str) {
        let sql = match self.db.backend {
            Backend::Sqlite => sqlite,
            Backend::Postgres => postgres,
        };
        self.raw.execute_unprepared(sql).await.expect(sql);
    }

    /// Status and answer of a request that goes by an id of its caller's.
    async fn ask(&self, id: &str, query: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}/graphql", self.service.url));
        let request = request.json(&json!({ "query": query }));
        self.send(id, request.header("accept", "application/graphql-response+json"))
            .await
    }

    async fn points(&self, id: &str) -> (u16, Value) {
        let row = json!({ "eventId": id, "branchCode": "B1", "points": 1, "activity": "THEME_DAY",
            "occurredAt": "2026-02-01T12:00:00+08:00" });
        let request = self
            .http
            .post(format!("{}/platform/EJIA/points", self.service.url));
        let request = request.header("content-type", "application/x-ndjson");
        self.send(id, request.body(row.to_string())).await
    }

    async fn send(&self, id: &str, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = request.bearer_auth(&self.token).header("x-request-id", id);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], id);
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// What its log says, once it has ended: the lines of requests, and those that say of no request that something is wrong.
    fn ends(self) -> Lines {
        let (status, log) = self.service.terminate();
        assert!(status.success());
        Lines(
            log.iter()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect(),
        )
    }
}

struct Lines(Vec<Value>);

impl Lines {
    /// The only line of a request: its message, level and code.
    fn only(&self, id: &str) -> [&str; 3] {
        let of: Vec<&Value> = self
            .0
            .iter()
            .filter(|line| line["fields"]["request_id"] == id)
            .collect();
        let [line] = of.as_slice() else {
            panic!("{id}: {of:#?}")
        };
        let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
        assert!(!text(&line["fields"]["request_id"]).is_empty());
        [
            &line["fields"]["message"],
            &line["level"],
            &line["fields"]["code"],
        ]
        .map(|value| value.as_str().unwrap_or_default())
    }

    /// No other line says of an error.
    fn assert_no_errors_beside(&self, ids: &[&str]) {
        let id = |line: &Value| line["fields"]["request_id"].as_str().map(str::to_owned);
        let others: Vec<&Value> = self
            .0
            .iter()
            .filter(|line| line["level"] == "ERROR")
            .filter(|line| id(line).is_none_or(|id| !ids.contains(&id.as_str())))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
    }
}

const PUSH: &str = r#"mutation { pushPoints(input: { sourceCode: "EJIA", entries: [
    { eventId: "M1", branchCode: "B1", points: 1, activity: THEME_DAY, occurredAt: "2026-02-01T12:00:00+08:00" }
] }) { accepted } }"#;

on_both!(a_defect_is_one_line_with_its_request, |db| async move {
    let asked = Asked::start(db, &[]).await;
    let gone = "ALTER TABLE quarantined_entry RENAME TO quarantined_before";
    asked.sql(gone, gone).await;
    let (status, told) = asked.points("defect-1").await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (500, &json!("INTERNAL")),
        "{told}"
    );
    assert_eq!(told["error"]["requestId"], "defect-1", "{told}");
    let (_, answer) = asked.ask("defect-2", PUSH).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["requestId"], "defect-2", "{answer}");
    let lines = asked.ends();
    for id in ["defect-1", "defect-2"] {
        assert_eq!(lines.only(id), ["internal error", "ERROR", "INTERNAL"]);
    }
    lines.assert_no_errors_beside(&["defect-1", "defect-2"]);
});

on_both!(a_database_that_is_away_is_one_line_a_request, |db| async move {
    let asked = Asked::start(db, &[("ZHIBU_DATABASE_STATEMENT_TIMEOUT", "500ms")]).await;
    // SQLite's writers wait for five seconds.
    asked
        .sql(
            "BEGIN IMMEDIATE",
            "BEGIN; LOCK TABLE quarantined_entry IN ACCESS EXCLUSIVE MODE",
        )
        .await;
    let (status, told) = asked.points("away-1").await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (503, &json!("UNAVAILABLE")),
        "{told}"
    );
    assert!(told["error"]["retryAfter"].as_u64() > Some(0), "{told}");
    asked.sql("ROLLBACK", "ROLLBACK").await;
    let lines = asked.ends();
    assert_eq!(lines.only("away-1"), ["request failed", "WARN", "UNAVAILABLE"]);
});

/// SQLite's readers wait for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_took_too_long_is_one_line() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let collector = Collector::start().await;
    // Watched or not.
    for (id, more) in [
        ("late-1", vec![]),
        (
            "late-2",
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())],
        ),
    ] {
        let mut variables = vec![("ZHIBU_SERVER_REQUEST_TIMEOUT", "300ms")];
        variables.extend(more);
        let asked = Asked::start(db.lent(), &variables).await;
        asked
            .sql("", "BEGIN; LOCK TABLE branch IN ACCESS EXCLUSIVE MODE")
            .await;
        let (status, answer) = asked.ask(id, "{ branches(first: 1) { nodes { code } } }").await;
        assert_eq!(status, 504, "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "TIMEOUT", "{answer}");
        asked.sql("", "ROLLBACK").await;
        let lines = asked.ends();
        assert_eq!(lines.only(id), ["request failed", "WARN", "TIMEOUT"]);
    }
}
