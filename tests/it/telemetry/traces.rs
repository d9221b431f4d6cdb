//! Traces: the spans of a request, what they say, and a collector that is away.

use opentelemetry_proto::tonic::trace::v1::Span;
use sea_orm::ConnectionTrait as _;
use sha2::{Digest as _, Sha256};

use super::{collector::attribute, *};
use crate::support::{Backend, app::Answer, on_both, socket::Socket, sqlite};

const PARENT: &str = "0af7651916cd43dd8448eb211c80319c";

fn below<'s>(spans: &'s [Span], parent: &Span) -> Vec<&'s str> {
    let children = spans.iter().filter(|span| span.parent_span_id == parent.span_id);
    let mut names: Vec<&str> = children.map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn of_kind<'s>(spans: &'s [Span], kind: &str, protocol: &str) -> Vec<&'s Span> {
    let found = spans.iter().filter(|span| {
        attribute(span, "graphql.operation.type") == kind
            && attribute(span, "network.protocol.name") == protocol
    });
    found.collect()
}

/// The span of the request that was answered so.
fn of_request<'s>(spans: &'s [Span], answer: &Answer) -> &'s Span {
    let id = answer.headers["x-request-id"].to_str().unwrap();
    let of = |span: &&Span| attribute(span, "zhibu.request.id") == id;
    spans.iter().find(of).expect("its span")
}

async fn spans(app: &TestApp, collector: &Collector) -> Vec<Span> {
    app.app.telemetry().unwrap().flush().await;
    collector.spans()
}

on_both!(a_request_is_a_trace_of_its_parts, |db| async move {
    let collector = Collector::start().await;
    let app = district(db, |config| traced(config, &collector)).await;
    let answer = app.admin().ask(BRANCHES, json!({})).await;
    let all = spans(&app, &collector).await;
    let query = of_request(&all, &answer);
    assert_eq!(query.name, "query");
    assert_eq!(below(&all, query), ["database", "execute", "prepare"]);
    let document = hex::encode(Sha256::digest(BRANCHES));
    for (key, value) in [
        ("graphql.operation.type", "query"),
        ("graphql.operation.name", "Names"),
        ("graphql.document.id", document.as_str()),
        ("http.request.method", "POST"),
        ("http.route", "/graphql"),
        ("http.response.status_code", "200"),
        ("zhibu.cache", "miss"),
        ("zhibu.role", "DISTRICT_ADMIN"),
    ] {
        assert_eq!(attribute(query, key), value, "{key}");
    }
    assert!(attribute(query, "zhibu.graphql.cost").parse::<u64>().unwrap() > 0);
    let children = all.iter().filter(|span| span.parent_span_id == query.span_id);
    for child in children {
        assert_eq!(child.trace_id, query.trace_id);
        // It lies within its parent; spans end by the service's clock, which stands still here.
        assert!(
            child.start_time_unix_nano >= query.start_time_unix_nano,
            "{child:?}"
        );
        assert!(child.end_time_unix_nano <= query.end_time_unix_nano, "{child:?}");
        if child.name == "database" {
            assert!(attribute(child, "zhibu.db.statements").parse::<u64>().unwrap() >= 1);
        }
    }
    // The tree was planted by mutations; each has its commit.
    let mutation = of_kind(&all, "mutation", "http")[0];
    assert_eq!(
        below(&all, mutation),
        ["commit", "database", "execute", "prepare"]
    );
    // A kept answer has nothing to execute.
    let answer = app.admin().ask(BRANCHES, json!({})).await;
    let all = spans(&app, &collector).await;
    let kept = of_request(&all, &answer);
    assert_eq!(attribute(kept, "zhibu.cache"), "hit");
    assert_eq!(below(&all, kept), ["prepare"]);
    // Supervisors are not traced.
    app.http().get(format!("{}/livez", app.url)).send().await.unwrap();
    let all = spans(&app, &collector).await;
    assert!(all.iter().all(|span| attribute(span, "http.route") != "/livez"));
});

/// What a commit fails of, and nothing before it.
const LATE_FAULTS: [(Backend, &[&str]); 2] = [
    (
        Backend::Sqlite,
        &[
            "CREATE TABLE late_parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE late (id INTEGER REFERENCES late_parent (id) DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TRIGGER late_fault AFTER INSERT ON organization BEGIN INSERT INTO late VALUES (9); END",
        ],
    ),
    (
        Backend::Postgres,
        &[
            "CREATE TABLE late_parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE late (id INTEGER REFERENCES late_parent (id) DEFERRABLE INITIALLY DEFERRED)",
            "CREATE FUNCTION late_fault() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO late VALUES (9); RETURN NULL; END $$",
            "CREATE TRIGGER late_fault AFTER INSERT ON organization \
             FOR EACH ROW EXECUTE FUNCTION late_fault()",
        ],
    ),
];

on_both!(a_commit_that_fails_is_told_of_as_failed, |db| async move {
    let collector = Collector::start().await;
    let backend = db.backend;
    let app = district(db, |config| {
        traced(config, &collector);
        served(config);
    })
    .await;
    let raw = app.raw().await;
    let (_, fault) = LATE_FAULTS.into_iter().find(|(of, _)| *of == backend).unwrap();
    for sql in fault {
        raw.execute_unprepared(sql).await.unwrap();
    }
    let document = "mutation Late($input: CreateOrganizationInput!) { createOrganization(input: $input) {
        userErrors { code } } }";
    let input = json!({ "code": "LATE", "name": "晚", "kind": "COMMITTEE", "parentId": app.organization_id("D").await });
    let failed = app.admin().ask(document, json!({ "input": input.clone() })).await;
    failed.error_code();
    raw.execute_unprepared(match backend {
        Backend::Sqlite => "DROP TRIGGER late_fault",
        Backend::Postgres => "DROP TRIGGER late_fault ON organization",
    })
    .await
    .unwrap();
    app.admin().ask(document, json!({ "input": input })).await.done();
    let all = spans(&app, &collector).await;
    let commits: Vec<&Span> = all
        .iter()
        .filter(|span| attribute(span, "graphql.operation.name") == "Late")
        .map(|mutation| {
            all.iter()
                .find(|span| span.name == "commit" && span.parent_span_id == mutation.span_id)
                .expect("its commit")
        })
        .collect();
    let mut told: Vec<(String, i32)> = commits
        .iter()
        .map(|span| {
            let status = span.status.as_ref().map_or(0, |status| status.code);
            (attribute(span, "error.type"), status)
        })
        .collect();
    told.sort();
    assert_eq!(told, [(String::new(), 0), ("_OTHER".to_owned(), 2)]);
    if backend == Backend::Sqlite {
        let figures = Scrape::of(&app).await;
        let failed = figures.sum("zhibu_group_commit_size_count", &["error_type=\"_OTHER\""]);
        assert_eq!(failed, 1.0, "{}", figures.text);
    }
});

on_both!(
    operations_of_sockets_and_streams_are_traced_too,
    |db| async move {
        let collector = Collector::start().await;
        let app = district(db, |config| traced(config, &collector)).await;
        app.open_source("EJIA").await;
        let mut socket = Socket::open(&app, app.admin().token()).await;
        socket.subscribe("1", VIEWER, json!({})).await;
        assert_eq!(socket.hear().await["type"], "next");
        assert_eq!(socket.hear().await["type"], "complete");
        let stream = app
            .http()
            .post(format!("{}/graphql/stream", app.url))
            .bearer_auth(app.admin().token().unwrap())
            .json(&json!({ "query": VIEWER }));
        assert_eq!(
            stream
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
                .matches("event: next")
                .count(),
            1
        );
        let line = json!({ "eventId": "e1", "branchCode": "B1", "points": 1, "occurredAt": "2026-02-01T12:00:00+08:00" });
        let pushed = app
            .http()
            .post(format!("{}/platform/EJIA/points", app.url))
            .bearer_auth(app.adapter("EJIA").token().unwrap())
            .header("content-type", "application/x-ndjson")
            .body(format!("{line}\n"));
        assert!(
            pushed
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
                .contains("\"done\":true")
        );
        let all = spans(&app, &collector).await;
        let socket = of_kind(&all, "query", "websocket");
        assert_eq!(below(&all, socket[0]), ["execute", "prepare"]);
        assert_eq!(of_kind(&all, "query", "sse").len(), 1);
        let points: Vec<_> = all.iter().filter(|span| span.name == "points stream").collect();
        assert_eq!(attribute(points[0], "zhibu.points.accepted"), "1");
    }
);

on_both!(what_a_value_costs_says_how_many_are_told, |db| async move {
    let collector = Collector::start().await;
    let app = district(db, |config| traced(config, &collector)).await;
    app.open_source("EJIA").await;
    let document = "subscription Watched { leaderboard(period: \"2026\", first: 3) { rows { total } } }";
    let token = app.viewer(None).token().unwrap().to_owned();
    let mut screens = Vec::new();
    for _ in 0..2 {
        let mut screen = Socket::open(&app, Some(&token)).await;
        screen.subscribe("w", document, json!({})).await;
        screen.next_of("w").await;
        screens.push(screen);
    }
    let entry = json!({ "eventId": "e1", "branchCode": "B1", "points": 1, "occurredAt": "2026-02-01T12:00:00+08:00" });
    let input = json!({ "sourceCode": "EJIA", "entries": [entry] });
    let pushed = app.adapter("EJIA").mutate("pushPoints", "accepted", input).await;
    pushed.done();
    for screen in &mut screens {
        screen.next_of("w").await;
    }
    let all = spans(&app, &collector).await;
    let told = |span: &&Span| attribute(span, "graphql.operation.name") == "Watched";
    let sizes = all
        .iter()
        .filter(told)
        .map(|span| attribute(span, "zhibu.cohort.subscribers"));
    assert_eq!(sizes.filter(|size| size == "2").count(), 1);
});

#[tokio::test]
async fn a_callers_trace_is_followed_only_where_it_is_trusted() {
    for trust in [false, true] {
        let collector = Collector::start().await;
        let app = TestApp::with_config(sqlite::database().await, |config| {
            traced(config, &collector);
            config.telemetry.trust_parent = trust;
        });
        let app = app.await;
        let request = app.admin().request(VIEWER, json!({}));
        let request = request.header("traceparent", format!("00-{PARENT}-b7ad6b7169203331-01"));
        app.admin().send(request).await;
        let all = spans(&app, &collector).await;
        let followed = all.iter().any(|span| hex::encode(&span.trace_id) == PARENT);
        assert_eq!(followed, trust);
    }
}

on_both!(
    a_collector_that_is_away_costs_what_waits_for_it,
    |db| async move {
        // Nobody listens there any more.
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", gone.local_addr().unwrap());
        drop(gone);
        let app = district(db, |config| {
            served(config);
            config.telemetry.otlp_endpoint = Some(url);
            config.telemetry.traces = 1.0;
        })
        .await;
        app.admin().data(VIEWER).await;
        let telemetry = app.app.telemetry().unwrap();
        telemetry.flush().await;
        let dropped = Scrape::of(&app).await;
        assert!(
            dropped.sum("zhibu_telemetry_exports_total", &["dropped"]) >= 1.0,
            "{}",
            dropped.text
        );
        assert_eq!(dropped.sum("zhibu_telemetry_exports_total", &["sent"]), 0.0);
        let stopping = tokio::time::timeout(std::time::Duration::from_secs(6), telemetry.stop());
        stopping.await.expect("it stops");
        app.admin().data(VIEWER).await;
    }
);
