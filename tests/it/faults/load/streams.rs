//! Clients that follow the changes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Shared, wait_a_little};
use crate::support::socket::Socket;

const FOLLOW: &str = "subscription($after: ChangeCursor) { changes(after: $after) { cursor } }";

/// Follows the changes, from where it was after every break; gives the cursors in the order in which they came.
pub(super) async fn follow(
    shared: Arc<Shared>,
    transport: &'static str,
    start: String,
    told: watch::Sender<usize>,
) -> Vec<String> {
    let mut cursors: Vec<String> = Vec::new();
    while !shared.done.load(Ordering::SeqCst) {
        let after = cursors.last().unwrap_or(&start).clone();
        let url = shared.url.borrow().clone();
        let mut take = |result: &Value| {
            let cursor = result["data"]["changes"]["cursor"].as_str();
            let Some(cursor) = cursor else {
                let code = &result["errors"][0]["extensions"]["code"];
                assert!(code != "CURSOR_EXPIRED", "{result}");
                return false;
            };
            cursors.push(cursor.to_owned());
            told.send_replace(cursors.len());
            true
        };
        if transport == "graphql-sse" {
            listen_to_events(&shared, &url, &after, &mut take).await;
        } else {
            listen_to_socket(&shared, &url, &after, &mut take).await;
        }
        wait_a_little(&shared).await;
    }
    cursors
}

/// How long a stream may be silent before a client breaks it off and goes on anew: it might be half-open.
const SILENCE: Duration = Duration::from_secs(2);

async fn listen_to_socket(shared: &Shared, url: &str, after: &str, take: &mut impl FnMut(&Value) -> bool) {
    let Some(mut socket) = Socket::at(url, Some("graphql-transport-ws")).await else {
        return;
    };
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {}", shared.admin) } });
    let payload = json!({ "query": FOLLOW, "variables": { "after": after } });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
    if !socket.try_say(init).await || !socket.try_say(subscribe).await {
        return;
    }
    while let Some(message) = socket.hear_within(SILENCE).await {
        match message["type"].as_str() {
            Some("connection_ack") => {}
            Some("next") if take(&message["payload"]) => {}
            _ => return,
        }
    }
}

async fn listen_to_events(shared: &Shared, url: &str, after: &str, take: &mut impl FnMut(&Value) -> bool) {
    let request = reqwest::Client::new()
        .post(format!("{url}/graphql/stream"))
        .bearer_auth(&shared.admin)
        .json(&json!({ "query": FOLLOW, "variables": { "after": after } }));
    let Ok(Ok(mut response)) = tokio::time::timeout(SILENCE * 5, request.send()).await else {
        return;
    };
    let mut read = String::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(SILENCE, response.chunk()).await {
        read.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = read.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            let result: Value = data
                .and_then(|data| serde_json::from_str(data.trim()).ok())
                .unwrap_or_default();
            let comment = !event.lines().any(|line| line.starts_with("event:"));
            let rest = rest.to_owned();
            if !comment && !take(&result) {
                return;
            }
            read = rest;
        }
    }
}
