//! Peers whose connection stands, and behind which nobody is.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use super::*;

/// A service that pings often, and lets each caller have one socket.
async fn pinging(db: crate::support::TestDatabase, beat: Duration) -> TestApp {
    TestApp::with_config(db, |config| {
        config.live.sockets.beat = beat;
        config.live.sockets.sockets_per_caller = 1;
    })
    .await
}

async fn assert_is_free(app: &TestApp) {
    eventually("its place is given back", async || app.app.sockets().count() == 0).await;
    let mut next = Socket::open(app, app.admin().token()).await;
    next.subscribe("1", "{ viewer { role } }", json!({})).await;
    assert_eq!(next.next_of("1").await["viewer"]["role"], "DISTRICT_ADMIN");
}

on_both!(who_reads_and_answers_no_ping_is_given_up, |db| async move {
    let app = pinging(db, Duration::from_millis(50)).await;
    let mut silent = Socket::open(&app, app.admin().token()).await;
    silent.subscribe("1", CHANGES, json!({})).await;
    let mut pings = 0;
    let code = loop {
        match silent.next().await {
            Message::Text(text) => {
                assert_eq!(
                    serde_json::from_str::<Value>(&text).unwrap(),
                    json!({ "type": "ping" })
                );
                pings += 1;
                assert!(pings < 100, "it is pinged for ever");
            }
            Message::Close(Some(frame)) => break u16::from(frame.code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1013);
    assert!(pings >= 2, "{pings}");
    assert_is_free(&app).await;
    drop(silent);
});

on_both!(who_does_not_even_read_is_given_up, |db| async move {
    let app = pinging(db, Duration::from_millis(50)).await;
    let gone = Socket::open(&app, app.admin().token()).await;
    assert_eq!(app.app.sockets().count(), 1);
    assert_is_free(&app).await;
    drop(gone);
});

on_both!(who_answers_stays, |db| async move {
    let app = pinging(db, Duration::from_millis(500)).await;
    let mut socket = Socket::open(&app, app.admin().token()).await;
    // More of them than a silent one would be sent.
    for _ in 0..6 {
        match socket.next().await {
            Message::Text(text) => assert_eq!(&*text, r#"{"type":"ping"}"#),
            other => panic!("{other:?}"),
        }
        socket.say(json!({ "type": "pong" })).await;
    }
    socket.subscribe("1", "{ viewer { role } }", json!({})).await;
    assert_eq!(socket.next_of("1").await["viewer"]["role"], "DISTRICT_ADMIN");
});
