//! Figures: every one that is documented is there, and they move as they should.

use std::collections::BTreeSet;

use chrono::Duration;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};
use zhibu::config::Overrides;

use super::*;
use crate::support::{Backend, app::eventually, on_both, platform::Platform, socket::Socket};

const CHANGES: &str = "subscription { changes { cursor topic } }";
const WATCH: &str = "subscription { leaderboard(period: \"2026\", first: 3) { rows { rank } } }";

/// The figures of the table in docs/operations.md, and whether only one of the databases has each.
fn documented() -> BTreeMap<String, Option<Backend>> {
    let text = include_str!("../../../docs/operations.md");
    let section = text.split("### Figures").nth(1).expect("a section");
    let section = section.split("\n### ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        let only = match line {
            line if line.contains("(PostgreSQL)") => Some(Backend::Postgres),
            line if line.contains("(SQLite)") => Some(Backend::Sqlite),
            _ => None,
        };
        Some((name.to_owned(), only))
    });
    rows.collect()
}

async fn push(app: &TestApp, source: &str, event: &str) -> Value {
    let entry = json!({ "eventId": event, "branchCode": "B1", "points": 1.0,
        "occurredAt": "2026-02-01T12:00:00+08:00" });
    let input = json!({ "sourceCode": source, "entries": [entry] });
    app.admin()
        .mutate("pushPoints", "accepted", input)
        .await
        .done()
        .clone()
}

async fn refused(app: &TestApp) {
    let deep = format!("{}{}", "{ a".repeat(40), " }".repeat(40));
    let answer = app.admin().ask(&deep, json!({})).await;
    assert_eq!(answer.status, 400);
}

on_both!(
    every_figure_that_is_documented_is_served_and_no_other,
    |db| async move {
        let backend = db.backend;
        let collector = Collector::start().await;
        let platform = Platform::start().await;
        platform.earn(1, "B1", "10", "2026-02-01 10:00:00");
        let sources =
            zhibu::config::Config::parse(Some(("test", &platform.by_cursor(""))), [], &Overrides::default())
                .unwrap()
                .sources;
        let source = sources[0].code.clone();
        let app = district(db, |config| {
            served(config);
            traced(config, &collector);
            config.sources = sources;
        })
        .await;
        let mut pullers = app
            .app
            .pullers("holder-1", &mut ChaCha20Rng::seed_from_u64(1))
            .await
            .unwrap();
        let stop = tokio::sync::watch::Sender::new(false);
        pullers[0].turn(&mut stop.subscribe()).await.unwrap();
        refused(&app).await;
        push(&app, &source, "e1").await;
        app.admin().data(BRANCHES).await;
        let mut socket = Socket::open(&app, app.admin().token()).await;
        socket.subscribe("1", WATCH, json!({})).await;
        app.settle().await;
        app.app.telemetry().unwrap().job_done("daily");
        app.app.look().await.unwrap();
        let documented = documented();
        let mut expected: BTreeSet<&str> = BTreeSet::new();
        for (name, only) in &documented {
            if only.is_none_or(|only| only == backend) {
                expected.insert(name);
            }
        }
        assert!(expected.len() > 30, "{expected:?}");
        let mut served = BTreeSet::new();
        eventually("every figure is there", async || {
            let scrape = Scrape::of(&app).await;
            served = scrape.families.into_keys().collect();
            served.len() >= expected.len()
        })
        .await;
        served.remove("target_info");
        let served: BTreeSet<&str> = served.iter().map(String::as_str).collect();
        assert_eq!(served, expected);
        // The same ones go to a collector.
        app.app.telemetry().unwrap().flush().await;
        let (names, resources) = collector.figures();
        assert!(
            names.contains(&"http.server.request.duration".to_owned()),
            "{names:?}"
        );
        assert!(resources.contains(&("service.name".to_owned(), "zhibu".to_owned())));
    }
);

on_both!(figures_move_as_they_should, |db| async move {
    let backend = db.backend;
    let app = district(db, served).await;
    app.open_source("EJIA").await;
    let before = Scrape::of(&app).await;
    app.admin().data(BRANCHES).await;
    app.admin().data(BRANCHES).await;
    app.admin().past_results().data(BRANCHES).await;
    refused(&app).await;
    push(&app, "EJIA", "e1").await;
    push(&app, "EJIA", "e1").await;
    let nobody = app.nobody().ask(VIEWER, json!({})).await;
    assert_eq!(nobody.status, 401);
    let after = Scrape::of(&app).await;
    let moved = |name: &str, labels: &[&str]| after.sum(name, labels) - before.sum(name, labels);
    let lookups = "zhibu_result_cache_lookups_total";
    assert!(moved(lookups, &["hit"]) >= 1.0, "{}", after.text);
    assert!(moved(lookups, &["miss"]) >= 1.0);
    assert_eq!(moved("zhibu_graphql_refused_total", &["depth"]), 1.0);
    // A source that is not configured has no row of its own.
    let points = "zhibu_points_entries_total";
    assert_eq!(moved(points, &["_OTHER", "accepted"]), 1.0);
    assert_eq!(moved(points, &["_OTHER", "duplicate"]), 1.0);
    assert!(!after.text.contains("EJIA"));
    let requests = "http_server_request_duration_seconds_count";
    assert_eq!(moved(requests, &["/graphql", "POST", "\"401\""]), 1.0);
    let operations = "zhibu_graphql_request_duration_seconds_count";
    assert_eq!(moved(operations, &["UNAUTHENTICATED"]), 1.0);
    assert_eq!(moved(operations, &["QUERY_TOO_COMPLEX"]), 1.0);
    assert!(moved(operations, &["query", "hit"]) >= 1.0);
    assert_eq!(moved(operations, &["mutation"]), 2.0);
    // Names are the caller's own words.
    assert!(!after.text.contains("Names"));
    assert!(moved("zhibu_graphql_cost_count", &["query"]) >= 3.0);
    assert_eq!(after.sum("http_server_active_requests", &[]), 0.0);
    let statements = "db_client_operation_duration_seconds_count";
    assert!(moved(statements, &["SELECT"]) > 0.0);
    assert!(moved(statements, &["INSERT"]) > 0.0);
    if backend == Backend::Sqlite {
        assert_eq!(moved("zhibu_group_commit_size_count", &[]), 2.0);
    }
    assert!(after.sum("zhibu_result_cache_size_bytes", &[]) > 0.0);
    assert!(after.sum("zhibu_documents_kept", &[]) >= 1.0);
    assert!(after.sum("process_memory_usage_bytes", &[]) > 1e6);
});

on_both!(subscribers_and_deliveries_are_counted, |db| async move {
    let app = district(db, served).await;
    app.settle().await;
    let delivered = "zhibu_change_feed_delivery_duration_seconds_count";
    let before = Scrape::of(&app).await;
    let mut first = Socket::open(&app, app.admin().token()).await;
    first.subscribe("1", WATCH, json!({})).await;
    let mut second = Socket::open(&app, app.admin().token()).await;
    second.subscribe("1", WATCH, json!({})).await;
    let mut reader = Socket::open(&app, app.admin().token()).await;
    reader.subscribe("1", CHANGES, json!({})).await;
    assert_eq!(first.hear().await["type"], "next");
    assert_eq!(second.hear().await["type"], "next");
    let now = Scrape::of(&app).await;
    assert_eq!(now.sum("zhibu_live_cohorts", &[]), 1.0, "{}", now.text);
    assert_eq!(now.sum("zhibu_live_subscribers", &[]), 2.0);
    assert_eq!(now.sum("zhibu_live_cohort_largest", &[]), 2.0);
    assert_eq!(now.sum("zhibu_live_connections", &["websocket"]), 3.0);
    assert_eq!(now.sum("zhibu_live_connections", &["sse"]), 0.0);
    assert!(now.sum("zhibu_live_executions_total", &[]) >= 1.0);
    create(&app, "B3", json!({})).await;
    app.settle().await;
    eventually("a delivery is counted", async || {
        let now = Scrape::of(&app).await;
        now.sum(delivered, &[]) > before.sum(delivered, &[])
    })
    .await;
    drop((first, second, reader));
    eventually("they are gone", async || {
        let now = Scrape::of(&app).await;
        now.sum("zhibu_live_connections", &[]) == 0.0 && now.sum("zhibu_live_subscribers", &[]) == 0.0
    })
    .await;
});

on_both!(who_holds_the_change_feed_back_shows, |db| async move {
    if db.backend == Backend::Sqlite {
        // It has one writer.
        return;
    }
    let app = district(db, served).await;
    app.settle().await;
    let raw = app.raw().await;
    let open = raw.begin().await.unwrap();
    open.execute_unprepared("SELECT pg_current_xact_id()")
        .await
        .unwrap();
    create(&app, "B3", json!({})).await;
    app.clock.advance(Duration::seconds(90));
    eventually("what is held back shows", async || {
        let held = Scrape::of(&app)
            .await
            .sum("zhibu_change_feed_held_back_seconds", &[]);
        // The clock stood still when it was written.
        (89.0..92.0).contains(&held)
    })
    .await;
    app.app.look().await.unwrap();
    let age = Scrape::of(&app)
        .await
        .sum("zhibu_change_feed_oldest_writer_age_seconds", &[]);
    assert!(age > 0.0, "{age}");
    open.rollback().await.unwrap();
    app.settle().await;
    eventually("nothing is held back", async || {
        Scrape::of(&app)
            .await
            .sum("zhibu_change_feed_held_back_seconds", &[])
            == 0.0
    })
    .await;
});

on_both!(
    where_nothing_is_configured_there_is_no_telemetry,
    |db| async move {
        let app = TestApp::on(db).await;
        assert!(app.app.telemetry().is_none() && app.database.telemetry().is_none());
        // And the public listener serves no figures in any case.
        let response = app
            .http()
            .get(format!("{}/metrics", app.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 404);
    }
);
