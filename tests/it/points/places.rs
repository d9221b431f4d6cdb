//! Who is let in with points: what a stream pays for, and how much of the places one adapter may fill.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::time::Instant;
use zhibu::{auth::Role, config::Config};

use super::{
    earn, standing,
    stream::{Raw, done, lines},
};
use crate::support::{
    app::{As, TestApp, eventually},
    branches::create,
    sqlite,
};

/// Asked for by an adapter it needs a place of points until it is known to be a query.
const CHEAP: &str = "{ __typename }";

/// A service with the branches B1 and B2, and two sources.
async fn district(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with_config(sqlite::database().await, change).await;
    app.plant_tree().await;
    for code in ["B1", "B2"] {
        create(&app, code, json!({})).await;
    }
    for source in ["EJIA", "OTHER"] {
        app.open_source(source).await;
    }
    app
}

fn busy(app: &TestApp) -> As<'_> {
    app.as_role(Role::Adapter, "busy", None, None, Some("EJIA"))
}

fn other(app: &TestApp) -> As<'_> {
    app.as_role(Role::Adapter, "other", None, None, Some("OTHER"))
}

async fn push(caller: &As<'_>, source: &str, event: &str, branch: &str) -> crate::support::app::Answer {
    let input = json!({ "sourceCode": source, "entries": [earn(event, branch, 1.0)] });
    caller.mutate("pushPoints", "accepted", input).await
}

/// What is left of a caller's bucket.
async fn left(caller: &As<'_>) -> u32 {
    let answer = caller.ask(CHEAP, json!({})).await;
    let field = answer.headers["ratelimit"].to_str().unwrap();
    let (left, _) = field["\"cost\";r=".len()..].split_once(';').unwrap();
    left.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_with_many_streams_leaves_places_for_others() {
    const STREAMS: usize = 12;
    let app = district(|config| {
        config.load.pushes = Some(4);
        config.load.push_patience = Duration::from_millis(50);
    })
    .await;
    let (busy, other) = (busy(&app), other(&app));
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(Raw::open(&app, busy.token().unwrap()).await);
    }
    let mut of_other = Raw::open_to(&app, "OTHER", other.token().unwrap()).await;
    // Whatever has a place keeps it: it waits for the file.
    let raw = app.raw().await;
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    for (n, stream) in streams.iter_mut().enumerate() {
        stream.chunk(&lines(&[earn(&format!("E{n}"), "B1", 1.0)])).await;
    }
    let mut refused = None;
    eventually("its places are taken", async || {
        let answer = busy.ask(CHEAP, json!({})).await;
        let is_refused = answer.status == 503;
        refused = is_refused.then_some(answer);
        is_refused
    })
    .await;
    let refused = refused.unwrap();
    assert_eq!(refused.error_code(), "UNAVAILABLE");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(push(&busy, "EJIA", "P1", "B1").await.status, 503);
    // Ten more of its streams wait for their turn, and in nobody's way.
    let answer = other.ask(CHEAP, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    of_other.chunk(&lines(&[earn("S1", "B2", 1.0)])).await;
    let free = async { raw.execute_unprepared("ROLLBACK").await.unwrap() };
    let (pushed, _) = tokio::join!(push(&other, "OTHER", "P1", "B2"), free);
    assert_eq!(pushed.done()["accepted"], 1);
    assert_eq!(of_other.line().await["through"], 1);
    // Nothing of what waited is lost, nor turned away.
    for mut stream in streams {
        assert_eq!(stream.line().await["through"], 1);
        stream.chunk("").await;
        assert_eq!(stream.line().await, done(1, 1, 0, 0));
    }
    assert_eq!(standing(&app, "B1", "2025").await.0, json!(STREAMS));
    assert_eq!(standing(&app, "B2", "2025").await.0, json!(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_paid_for_by_its_bytes() {
    let app = district(|config| {
        config.rate.burst = 50_000;
        // So that nothing comes back while this runs.
        config.rate.per_second = 1;
    })
    .await;
    let caller = busy(&app);
    let before = left(&caller).await;
    let mut stream = Raw::open(&app, caller.token().unwrap()).await;
    let long = json!({ "eventId": "E1", "branchCode": "B1", "points": 1, "note": "x".repeat(200_000),
        "occurredAt": "2025-07-01T12:00:00+08:00" });
    stream.chunk(&lines(&[long])).await;
    assert_eq!(stream.line().await["row"], 1);
    assert_eq!(stream.line().await["through"], 1);
    let after = left(&caller).await;
    assert!((780..1_000).contains(&(before - after)), "{before} then {after}");
    // What makes no rows is read as well.
    for _ in 0..16 {
        stream.chunk(&"\n".repeat(64 * 1024)).await;
    }
    stream.chunk("").await;
    assert_eq!(stream.line().await["done"], true);
    let then = left(&caller).await;
    assert!(after - then >= 4_096, "{after} then {then}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_cannot_pay_waits_and_is_not_turned_away() {
    let app = district(|config| {
        config.rate.burst = 3_000;
        config.rate.per_second = 3_000;
    })
    .await;
    let caller = busy(&app);
    // Three times what a bucket holds.
    let padding = " ".repeat(3_000);
    let row = |n: u32| format!("{}{padding}\n", earn(&format!("E{n}"), "B1", 0.01));
    let rows: String = (0..1_000).map(row).collect();
    let began = Instant::now();
    let response = app
        .http()
        .post(format!("{}/platform/EJIA/points", app.url))
        .header("content-type", "application/x-ndjson")
        .bearer_auth(caller.token().unwrap())
        .body(rows)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last, done(1_000, 1_000, 0, 0));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_until_it_can_pay_holds_no_place() {
    let app = district(|config| {
        config.load.pushes = Some(1);
        config.load.push_patience = Duration::from_secs(60);
        config.rate.burst = 2_000;
        // So that nothing comes back while this runs.
        config.rate.per_second = 1;
    })
    .await;
    let (poor, other) = (busy(&app), other(&app));
    let mut waits = Raw::open(&app, poor.token().unwrap()).await;
    waits.chunk(&lines(&[earn("E1", "B1", 1.0)])).await;
    assert_eq!(waits.line().await["through"], 1);
    // The last of it, in small coins.
    while poor
        .ask(CHEAP, json!({ "padding": "x".repeat(10_000) }))
        .await
        .status
        == 200
    {}
    while poor.ask(CHEAP, json!({})).await.status == 200 {}
    let rows: Vec<_> = (0..1_000).map(|n| earn(&format!("F{n}"), "B1", 1.0)).collect();
    waits.chunk(&lines(&rows)).await;
    // There is one place, and it is free.
    for n in 0..3 {
        push(&other, "OTHER", &format!("P{n}"), "B2").await.done();
    }
    let mut stream = Raw::open_to(&app, "OTHER", other.token().unwrap()).await;
    stream.chunk(&lines(&[earn("S1", "B2", 1.0)])).await;
    assert_eq!(stream.line().await["through"], 1);
    assert_eq!(standing(&app, "B2", "2025").await.0, json!(4));
    // What cannot be paid is not booked yet, and not told of.
    assert_eq!(standing(&app, "B1", "2025").await.0, json!(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_turned_away_from_the_route_is_told_what_is_left() {
    let app = district(|config| {
        config.rate.burst = 1_000;
        config.rate.per_second = 1;
    })
    .await;
    let forged = || {
        let request = app.http().post(format!("{}/platform/EJIA/points", app.url));
        request
            .header("content-type", "application/x-ndjson")
            .bearer_auth("no.token.this")
            .body("")
    };
    let refused = loop {
        let answer = forged().send().await.unwrap();
        if answer.status() == 429 {
            break answer;
        }
        assert_eq!(answer.status(), 401);
    };
    assert_eq!(refused.headers()["ratelimit-policy"], "\"cost\";q=1000;w=1000");
    let left = refused.headers()["ratelimit"].to_str().unwrap().to_owned();
    assert!(left.starts_with("\"cost\";r=0;t="), "{left}");
    assert!(refused.headers().contains_key("retry-after"));
    let told: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(told["error"]["code"], "RATE_LIMITED");
    assert!(told["error"]["retryAfter"].as_u64() > Some(0));
}
