//! Subscriptions as a client has them: over sockets and over event streams.

mod clients;
mod event_source;
mod half_open;
mod results;
mod sockets;
mod streams;

use serde_json::{Value, json};

use crate::support::{
    app::{As, TestApp, eventually},
    branches::{by_code, create},
    on_both,
    socket::Socket,
};

const CHANGES: &str = "subscription($after: ChangeCursor, $filter: ChangeFilter) {
    changes(after: $after, filter: $filter) { cursor topic action node { ... on Organization { code } ... on Branch { code } } } }";
const BOARD: &str =
    r#"subscription { leaderboard(period: "2025", first: 3) { rows { rank branch { code } total } } }"#;

async fn push(caller: As<'_>, event: &str, branch: &str, points: f64) {
    let entry = json!({ "eventId": event, "branchCode": branch, "points": points,
        "occurredAt": "2025-07-01T12:00:00+08:00" });
    let input = json!({ "sourceCode": "EJIA", "entries": [entry] });
    let pushed = caller.mutate("pushPoints", "accepted", input).await;
    assert_eq!(pushed.done()["accepted"], 1);
}

/// A service whose committee C1 has the branches B1 and B2, and a source.
async fn district(db: crate::support::TestDatabase) -> TestApp {
    let app = TestApp::with_tree(db).await;
    for code in ["B1", "B2"] {
        create(&app, code, json!({})).await;
    }
    app.open_source("EJIA").await;
    app
}

async fn organization(app: &TestApp, code: &str) {
    app.create_organization(code, "COMMITTEE", Some(&root(app).await))
        .await;
}

async fn root(app: &TestApp) -> String {
    let found = app
        .admin()
        .data(r#"{ organization(by: { code: "D" }) { id } }"#)
        .await;
    found["organization"]["id"].as_str().unwrap().to_owned()
}

fn totals(board: &Value) -> Vec<(&str, f64)> {
    let rows = board["leaderboard"]["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            (
                row["branch"]["code"].as_str().unwrap(),
                row["total"].as_f64().unwrap(),
            )
        })
        .collect()
}

on_both!(a_value_is_told_now_and_after_it_changes, |db| async move {
    let app = district(db).await;
    let token = app.viewer(None).token().unwrap().to_owned();
    let mut socket = Socket::open(&app, Some(&token)).await;
    socket.subscribe("board", BOARD, json!({})).await;
    assert_eq!(totals(&socket.next_of("board").await), [("B1", 0.0), ("B2", 0.0)]);
    push(app.adapter("EJIA"), "E1", "B1", 5.0).await;
    assert_eq!(totals(&socket.next_of("board").await), [("B1", 5.0), ("B2", 0.0)]);
    push(app.adapter("EJIA"), "E2", "B2", 7.5).await;
    assert_eq!(totals(&socket.next_of("board").await), [("B2", 7.5), ("B1", 5.0)]);

    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let of_branch =
        r#"subscription($id: ID!) { branch(id: $id) { name points(period: "2025") { total rank } } }"#;
    socket.subscribe("own", of_branch, json!({ "id": branch })).await;
    let own = socket.next_of("own").await;
    assert_eq!(own["branch"]["points"], json!({ "total": 5, "rank": 2 }));
    // What is ended is not told any more; what is not is.
    socket.say(json!({ "id": "board", "type": "complete" })).await;
    push(app.adapter("EJIA"), "E3", "B1", 5.0).await;
    let own = socket.next_of("own").await;
    assert_eq!(own["branch"]["points"], json!({ "total": 10, "rank": 1 }));
});

on_both!(
    what_a_phone_missed_in_a_tunnel_is_told_when_it_comes_again,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        app.settle().await;
        let token = app.admin().token().unwrap().to_owned();
        let mut socket = Socket::open(&app, Some(&token)).await;
        let filter = json!({ "topics": ["ORGANIZATION"] });
        socket.subscribe("1", CHANGES, json!({ "filter": filter })).await;
        // The socket answers in order: the reader has begun when the next operation is answered.
        socket.subscribe("2", "{ viewer { role } }", json!({})).await;
        assert_eq!(socket.next_of("2").await["viewer"]["role"], "DISTRICT_ADMIN");
        assert_eq!(socket.hear().await, json!({ "id": "2", "type": "complete" }));
        organization(&app, "X1").await;
        let first = socket.next_of("1").await;
        assert_eq!(first["changes"]["node"]["code"], "X1");
        drop(socket);
        organization(&app, "X2").await;
        organization(&app, "X3").await;
        let mut socket = Socket::open(&app, Some(&token)).await;
        let after = first["changes"]["cursor"].clone();
        socket
            .subscribe("1", CHANGES, json!({ "filter": filter, "after": after }))
            .await;
        organization(&app, "X4").await;
        for code in ["X2", "X3", "X4"] {
            assert_eq!(socket.next_of("1").await["changes"]["node"]["code"], code);
        }
        // A cursor of another log.
        let mut bytes = after.as_str().unwrap().to_owned();
        bytes.replace_range(3..4, if &bytes[3..4] == "A" { "B" } else { "A" });
        socket.subscribe("3", CHANGES, json!({ "after": bytes })).await;
        let refused = socket.hear().await;
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("3")));
        assert_eq!(refused["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED");
    }
);

on_both!(those_who_watch_the_same_share_one_execution, |db| async move {
    let app = district(db).await;
    let token = app.viewer(None).token().unwrap().to_owned();
    let mut sockets = Vec::new();
    for _ in 0..30 {
        let mut socket = Socket::open(&app, Some(&token)).await;
        socket.subscribe("board", BOARD, json!({})).await;
        assert_eq!(totals(&socket.next_of("board").await), [("B1", 0.0), ("B2", 0.0)]);
        sockets.push(socket);
    }
    let cohorts = app.app.cohorts();
    assert_eq!((cohorts.count(), cohorts.executions()), (1, 1));
    push(app.adapter("EJIA"), "E1", "B1", 5.0).await;
    for socket in &mut sockets {
        assert_eq!(totals(&socket.next_of("board").await), [("B1", 5.0), ("B2", 0.0)]);
    }
    assert_eq!(cohorts.executions(), 2);
    // Another language, another scope: another cohort.
    let admin = app.admin().token().unwrap().to_owned();
    let mut other = Socket::open(&app, Some(&admin)).await;
    other.subscribe("board", BOARD, json!({})).await;
    other.next_of("board").await;
    assert_eq!(cohorts.count(), 2);
    drop((sockets, other));
    eventually("everybody has gone", async || {
        (cohorts.count(), app.app.sockets().count()) == (0, 0)
    })
    .await;
});

on_both!(who_may_not_see_is_not_told, |db| async move {
    let app = district(db).await;
    let token = app.adapter("EJIA").token().unwrap().to_owned();
    let mut socket = Socket::open(&app, Some(&token)).await;
    let branch = by_code(app.admin(), "B1").await["id"].clone();
    let of_branch = "subscription($id: ID!) { branch(id: $id) { name } }";
    socket.subscribe("1", of_branch, json!({ "id": branch })).await;
    let refused = socket.hear().await;
    assert_eq!(refused["type"], "error");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "NOT_FOUND");
    let source = "subscription($code: String!) { pointSource(code: $code) { code entryCount state } }";
    socket.subscribe("2", source, json!({ "code": "EJIA" })).await;
    assert_eq!(socket.next_of("2").await["pointSource"]["entryCount"], 0);
    push(app.adapter("EJIA"), "E1", "B1", 5.0).await;
    assert_eq!(socket.next_of("2").await["pointSource"]["entryCount"], 1);
    // Its changes are those of its own source, and of what everybody sees not one.
    socket.subscribe("3", CHANGES, json!({})).await;
    socket.subscribe("4", "{ viewer { role } }", json!({})).await;
    assert_eq!(socket.next_of("4").await["viewer"]["role"], "ADAPTER");
    assert_eq!(socket.hear().await["type"], "complete");
    organization(&app, "X1").await;
    let entry =
        json!({ "eventId": "E2", "branchCode": "nobody", "points": 1, "occurredAt": "2025-07-01T04:00:00Z" });
    let input = json!({ "sourceCode": "EJIA", "entries": [entry] });
    let pushed = app
        .adapter("EJIA")
        .mutate("pushPoints", "quarantined", input)
        .await;
    assert_eq!(pushed.done()["quarantined"], 1);
    loop {
        // The quarantined entry is a change of the source, which moves its value as well.
        let message = socket.hear().await;
        if message["id"] == "3" {
            assert_eq!(message["payload"]["data"]["changes"]["topic"], "SOURCE");
            break;
        }
    }
});

on_both!(
    who_watches_one_branch_is_not_bothered_with_others,
    |db| async move {
        let app = district(db).await;
        let branch = by_code(app.admin(), "B1").await["id"].clone();
        let token = app.viewer(None).token().unwrap().to_owned();
        let mut socket = Socket::open(&app, Some(&token)).await;
        let own = r#"subscription($id: ID!) { branch(id: $id) { ...F } }
        fragment F on Branch { name term { endsOn } points(period: "2025") { total entryCount } }"#;
        socket.subscribe("own", own, json!({ "id": branch })).await;
        assert_eq!(socket.next_of("own").await["branch"]["points"]["total"], 0);
        let cohorts = app.app.cohorts();
        assert_eq!(cohorts.executions(), 1);
        for n in 0..5 {
            push(app.adapter("EJIA"), &format!("O{n}"), "B2", 1.0).await;
        }
        push(app.adapter("EJIA"), "E1", "B1", 1.0).await;
        assert_eq!(socket.next_of("own").await["branch"]["points"]["total"], 1);
        assert_eq!(cohorts.executions(), 2);
        // A rank is moved by everybody.
        let ranked = r#"subscription($id: ID!) { branch(id: $id) { points(period: "2025") { rank } } }"#;
        socket.subscribe("rank", ranked, json!({ "id": branch })).await;
        assert_eq!(socket.next_of("rank").await["branch"]["points"]["rank"], 2);
        push(app.adapter("EJIA"), "O9", "B2", -5.0).await;
        assert_eq!(socket.next_of("rank").await["branch"]["points"]["rank"], 1);
        // And what stands beside it, by others of its kind.
        let beside = "query($id: ID!) { branch(by: { id: $id }) { organization { code branches { nodes { code } } } } }";
        let ask = async || {
            let answer = app
                .viewer(None)
                .request(beside, json!({ "id": branch }))
                .send()
                .await
                .unwrap();
            answer.json::<Value>().await.unwrap()
        };
        let before = ask().await;
        create(&app, "B3", json!({})).await;
        assert_ne!(ask().await, before);
    }
);

on_both!(subscribing_and_leaving_leaves_nothing_behind, |db| async move {
    const TIMES: usize = 10_000;
    let app = district(db).await;
    let token = app.viewer(None).token().unwrap().to_owned();
    let mut socket = Socket::open(&app, Some(&token)).await;
    for n in 0..TIMES {
        let id = n.to_string();
        match n % 3 {
            0 => socket.subscribe(&id, CHANGES, json!({})).await,
            1 => socket.subscribe(&id, BOARD, json!({})).await,
            _ => socket.subscribe(&id, "{ viewer { role } }", json!({})).await,
        }
        socket.say(json!({ "id": id, "type": "complete" })).await;
    }
    // Every tenth time the whole socket goes.
    for _ in 0..TIMES / 100 {
        let mut other = Socket::open(&app, Some(&token)).await;
        other.subscribe("1", BOARD, json!({})).await;
        other.subscribe("2", CHANGES, json!({})).await;
        drop(other);
    }
    drop(socket);
    eventually("nothing is left", async || {
        (app.app.cohorts().count(), app.app.sockets().count()) == (0, 0)
    })
    .await;
});
