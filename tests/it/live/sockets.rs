//! The socket's own rules: close codes, limits, tokens, the end of the service.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::support::changes::changes_at_once;

async fn closes(app: &TestApp, messages: &[Value]) -> u16 {
    let mut socket = Socket::raw(app, Some("graphql-transport-ws")).await;
    for message in messages {
        socket.say(message.clone()).await;
    }
    socket.closed().await
}

on_both!(a_socket_closes_as_the_protocol_says, |db| async move {
    let app = TestApp::with_config(db, |config| {
        config.live.sockets.init_timeout = Duration::from_millis(300)
    })
    .await;
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {}", app.admin().token().unwrap()) } });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": BOARD } });
    assert_eq!(closes(&app, &[json!({ "type": "nonsense" })]).await, 4400);
    assert_eq!(closes(&app, std::slice::from_ref(&subscribe)).await, 4401);
    let forged = json!({ "type": "connection_init", "payload": { "authorization": "Bearer x.y.z" } });
    assert_eq!(closes(&app, &[forged]).await, 4403);
    // Without a token, where the deployment lets nobody in without.
    assert_eq!(closes(&app, &[json!({ "type": "connection_init" })]).await, 4403);
    assert_eq!(closes(&app, &[]).await, 4408);
    assert_eq!(
        closes(&app, &[init.clone(), subscribe.clone(), subscribe.clone()]).await,
        4409
    );
    assert_eq!(closes(&app, &[init.clone(), init.clone()]).await, 4429);
    let mut socket = Socket::raw(&app, None).await;
    assert_eq!(socket.closed().await, 4406);
    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket.frame(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.closed().await, 4400);
    eventually("all are gone", async || app.app.sockets().count() == 0).await;
});

on_both!(queries_and_mutations_work_over_a_socket, |db| async move {
    let app = TestApp::with_tree(db).await;
    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket
        .subscribe(
            "q",
            r#"query($code: String!) { organization(by: { code: $code }) { name } }"#,
            json!({ "code": "C1" }),
        )
        .await;
    assert_ne!(socket.next_of("q").await["organization"]["name"], Value::Null);
    assert_eq!(socket.hear().await, json!({ "id": "q", "type": "complete" }));
    let create = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id } userErrors { code } } }";
    let input =
        json!({ "code": "X1", "name": "街道党工委", "kind": "COMMITTEE", "parentId": root(&app).await });
    // Twice under one key it is done once.
    let mut ids = Vec::new();
    for id in ["m1", "m2"] {
        let payload = json!({ "query": create, "variables": { "input": input }, "extensions": { "idempotencyKey": "k-1" } });
        socket
            .say(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
        let done = socket.next_of(id).await;
        assert_eq!(done["createOrganization"]["userErrors"], json!([]));
        ids.push(done["createOrganization"]["organization"]["id"].clone());
        assert_eq!(socket.hear().await["type"], "complete");
    }
    assert_eq!(ids[0], ids[1]);
    for (query, code) in [
        ("{ nothing }", "BAD_REQUEST"),
        ("{ viewer { ", "BAD_REQUEST"),
        (
            "subscription { a: changes { cursor } b: changes { cursor } }",
            "BAD_REQUEST",
        ),
        (
            "subscription { leaderboard(first: 1000) { asOf } }",
            "BAD_REQUEST",
        ),
    ] {
        socket.subscribe("e", query, json!({})).await;
        let refused = socket.hear().await;
        assert_eq!(
            (&refused["type"], &refused["id"]),
            (&json!("error"), &json!("e")),
            "{query}"
        );
        assert_eq!(refused["payload"][0]["extensions"]["code"], code, "{query}");
    }
});

on_both!(a_socket_lives_as_long_as_its_token, |db| async move {
    let app = TestApp::with_tree(db).await;
    let mut renewed = Socket::open(&app, app.admin().token()).await;
    let mut left = Socket::open(&app, app.admin().token()).await;
    let mut exchanged = Socket::open(&app, app.admin().token()).await;
    app.clock.advance(chrono::Duration::minutes(30));
    let ping =
        |token: &str| json!({ "type": "ping", "payload": { "authorization": format!("Bearer {token}") } });
    renewed.say(ping(app.admin().token().unwrap())).await;
    assert_eq!(renewed.hear().await, json!({ "type": "pong" }));
    // Another role's token is not a renewal.
    exchanged.say(ping(app.viewer(None).token().unwrap())).await;
    assert_eq!(exchanged.closed().await, 4403);
    app.clock.advance(chrono::Duration::minutes(31));
    assert_eq!(left.closed().await, 4403);
    renewed.subscribe("1", "{ viewer { role } }", json!({})).await;
    assert_eq!(renewed.next_of("1").await["viewer"]["role"], "DISTRICT_ADMIN");
});

on_both!(a_service_that_stops_sends_its_sockets_away, |db| async move {
    let app = TestApp::with_config(db, |config| {
        config.live.sockets.drain = Duration::from_millis(500)
    })
    .await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(Socket::open(&app, app.admin().token()).await);
    }
    let ready = async || {
        app.http()
            .get(format!("{}/readyz", app.url))
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(ready().await, 200);
    let drained = app.app.drain();
    let ((), ()) = tokio::join!(drained, async {
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, 1012);
        }
    });
    assert_eq!(ready().await, 503);
    assert_eq!(app.app.sockets().count(), 0);
});

on_both!(a_caller_has_so_many_sockets_and_no_more, |db| async move {
    let app = TestApp::with_config(db, |config| config.live.sockets.sockets_per_caller = 2).await;
    let first = Socket::open(&app, app.admin().token()).await;
    let _second = Socket::open(&app, app.admin().token()).await;
    let mut third = Socket::raw(&app, Some("graphql-transport-ws")).await;
    third.init(app.admin().token()).await;
    assert_eq!(third.closed().await, 1013);
    // Another's are its own.
    Socket::open(&app, app.viewer(None).token()).await;
    drop(first);
    eventually("there is room again", async || app.app.sockets().count() <= 2).await;
    Socket::open(&app, app.admin().token()).await;
});

on_both!(a_message_may_be_so_long_and_no_longer, |db| async move {
    let app = TestApp::with_config(db, |config| config.live.sockets.message_bytes = 2000).await;
    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket
        .subscribe(
            "1",
            &format!("{{ viewer {{ role }} }} # {}", "x".repeat(1000)),
            json!({}),
        )
        .await;
    socket.next_of("1").await;
    socket.hear().await;
    socket
        .subscribe(
            "2",
            &format!("{{ viewer {{ role }} }} # {}", "x".repeat(3000)),
            json!({}),
        )
        .await;
    assert_eq!(socket.closed().await, 4400);
});

/// Changes of the district's root, one a transaction.
async fn changes(app: &TestApp, count: usize) {
    for _ in 0..count {
        changes_at_once(app, 1).await;
    }
}

on_both!(
    a_reader_of_changes_that_is_too_slow_is_told_where_to_go_on,
    |db| async move {
        let app = TestApp::with_config(db, |config| {
            config.live.window = 20;
            config.live.patience = Duration::from_millis(100);
            config.live.sockets.write_timeout = Duration::from_secs(60);
        })
        .await;
        app.load_demo().await;
        app.settle().await;
        let mut socket = Socket::open(&app, app.admin().token()).await;
        socket.subscribe("1", CHANGES, json!({})).await;
        socket.subscribe("2", "{ viewer { role } }", json!({})).await;
        socket.next_of("2").await;
        socket.hear().await;
        // Answers that fill every buffer between us, of which nothing is read.
        let long = "{ branches(first: 200) { nodes { id code name domain form status foundedOn contactPhone memberCount
            organization { id code name kind parent { id code name } } brand { id name slogan description results } } } }";
        for n in 0..80 {
            socket.subscribe(&format!("long {n}"), long, json!({})).await;
        }
        // More of them than are told before the buffers are full.
        const ALL: usize = 800;
        changes(&app, ALL).await;
        app.settle().await;
        let mut heard = 0;
        let told = loop {
            let message = socket.hear().await;
            match (message["id"].as_str().unwrap(), message["type"].as_str().unwrap()) {
                ("1", "next") => heard += 1,
                ("1", "error") => break message,
                (id, kind) => assert!(id.starts_with("long") && kind != "error", "{message}"),
            }
        };
        assert!(heard < ALL, "{heard}");
        let error = &told["payload"][0]["extensions"];
        assert_eq!(error["code"], "SLOW_CONSUMER");
        let mut again = Socket::open(&app, app.admin().token()).await;
        again
            .subscribe("1", CHANGES, json!({ "after": error["cursor"] }))
            .await;
        let mut last = error["cursor"].as_str().unwrap().to_owned();
        for _ in heard..ALL {
            let change = again.next_of("1").await;
            let cursor = change["changes"]["cursor"].as_str().unwrap().to_owned();
            assert!(cursor > last);
            last = cursor;
        }
        // None is left.
        assert_eq!(all_since(&app, &last).await, 0);
    }
);

/// How many changes there are behind a cursor.
async fn all_since(app: &TestApp, cursor: &str) -> usize {
    let query = "query($after: ChangeCursor) { changes(after: $after) { changes { cursor } } }";
    let answer = app.admin().ask(query, json!({ "after": cursor })).await;
    answer.data()["changes"]["changes"].as_array().unwrap().len()
}

on_both!(a_socket_that_takes_nothing_is_given_up, |db| async move {
    let app = TestApp::with_config(db, |config| {
        config.live.sockets.write_timeout = Duration::from_millis(300)
    })
    .await;
    app.load_demo().await;
    let mut socket = Socket::open(&app, app.admin().token()).await;
    let long =
        "{ branches(first: 200) { nodes { id code name organization { id code name parent { id code name } }
        brand { name slogan description results } } } }";
    for n in 0..90 {
        socket.subscribe(&n.to_string(), long, json!({})).await;
    }
    // Nothing is read; who reads beside it is not held up.
    let mut other = Socket::open(&app, app.admin().token()).await;
    other.subscribe("1", "{ viewer { role } }", json!({})).await;
    other.next_of("1").await;
    drop(other);
    eventually("it is given up", async || app.app.sockets().count() == 0).await;
    drop(socket);
});

on_both!(one_busy_operation_does_not_starve_another, |db| async move {
    const FLOOD: usize = 3_000;
    let app = TestApp::with_tree(db).await;
    changes(&app, FLOOD).await;
    app.settle().await;
    let oldest = app.admin().data("{ changes(first: 0) { cursor } }").await["changes"]["cursor"].clone();
    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket
        .subscribe("flood", CHANGES, json!({ "after": oldest }))
        .await;
    socket.next_of("flood").await;
    socket.subscribe("1", "{ viewer { role } }", json!({})).await;
    let mut told = 1;
    loop {
        let message = socket.hear().await;
        if message["id"] == "1" {
            assert_eq!(message["payload"]["data"]["viewer"]["role"], "DISTRICT_ADMIN");
            break;
        }
        told += 1;
    }
    assert!(told < FLOOD, "the answer came last");
});

/// Waiting for a change may take for ever, reading what is asked of it may not; and it is not passed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_cannot_be_read_in_time_ends_its_stream_and_is_told_to_the_next() {
    let Some(db) = crate::support::postgres::database().await else {
        return;
    };
    let app = TestApp::with_config(db, |config| {
        config.server.request_timeout = Duration::from_millis(300)
    })
    .await;
    app.create_organization("D", "DISTRICT", None).await;
    let mut before = Value::Null;
    // The log gives what no running transaction can precede any more, which may be a moment after it was written.
    eventually("the log has the district", async || {
        let page = app
            .admin()
            .data("{ changes { cursor changes { cursor } } }")
            .await;
        before = page["changes"]["cursor"].clone();
        page["changes"]["changes"].as_array().unwrap().len() == 1
    })
    .await;
    organization(&app, "C1").await;
    let holder = app.locked("organization").await;
    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket
        .subscribe("late", CHANGES, json!({ "after": before }))
        .await;
    let told = socket.hear().await;
    assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!("late")));
    let error = &told["payload"][0]["extensions"];
    assert_eq!(
        (&error["code"], &error["cursor"]),
        (&json!("TIMEOUT"), &before),
        "{told}"
    );
    holder.rollback().await.unwrap();
    socket
        .subscribe("again", CHANGES, json!({ "after": before }))
        .await;
    assert_eq!(socket.next_of("again").await["changes"]["node"]["code"], "C1");
    organization(&app, "C2").await;
    assert_eq!(socket.next_of("again").await["changes"]["node"]["code"], "C2");
}
