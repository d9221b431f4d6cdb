//! Clients that subscribe: to the changes, and to a value.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{SOON, Shared, wait_a_little};
use crate::support::socket::Socket;

const FOLLOW: &str = "subscription($after: ChangeCursor) { changes(after: $after) { cursor } }";

/// A value that every push changes.
pub(super) const STANDINGS: &str = "leaderboard(first: 20, period: \"2026\") { participantCount
    rows { rank total branch { code version } } }";

/// How long a stream of changes may be silent before a client breaks it off and goes on anew: it might be half-open.
const SILENCE: Duration = Duration::from_secs(2);

/// What is subscribed to, over what.
struct Subscription {
    transport: &'static str,
    url: String,
    query: String,
    variables: Value,
    silence: Duration,
}

/// Follows the changes, from where it was after every break; gives the cursors in the order in which they came. Where the database
/// was restored it is told so once, and reads everything anew.
pub(super) async fn follow(
    shared: Arc<Shared>,
    transport: &'static str,
    told: watch::Sender<usize>,
) -> Vec<String> {
    let mut cursors: Vec<String> = Vec::new();
    let mut restores = 0;
    while !shared.done.load(Ordering::SeqCst) {
        let after = cursors.last().cloned().unwrap_or_else(|| shared.start());
        let mut expired = false;
        let mut take = |result: &Value| {
            let cursor = result["data"]["changes"]["cursor"].as_str();
            let Some(cursor) = cursor else {
                expired = result["errors"][0]["extensions"]["code"] == "CURSOR_EXPIRED";
                return false;
            };
            cursors.push(cursor.to_owned());
            told.send_replace(cursors.len());
            true
        };
        let changes = Subscription {
            transport,
            url: shared.url.borrow().clone(),
            query: FOLLOW.to_owned(),
            variables: json!({ "after": after }),
            silence: SILENCE,
        };
        listen(&shared, &changes, &mut take).await;
        if expired {
            restores += 1;
            assert!(
                restores <= shared.restores.load(Ordering::SeqCst),
                "{after} expired"
            );
            cursors.clear();
            told.send_replace(0);
        }
        wait_a_little(&shared).await;
    }
    cursors
}

/// Follows a value, anew after every break; tells what came last. Silence breaks nothing: what a subscriber was not told of must
/// not come out by asking again.
pub(super) async fn watch_standings(
    shared: Arc<Shared>,
    transport: &'static str,
    told: watch::Sender<(usize, Value)>,
) {
    while !shared.done.load(Ordering::SeqCst) {
        let mut take = |result: &Value| {
            let value = &result["data"]["leaderboard"];
            if value.is_null() {
                return false;
            }
            told.send_modify(|(values, last)| {
                *values += 1;
                last.clone_from(value);
            });
            true
        };
        let standings = Subscription {
            transport,
            url: shared.url.borrow().clone(),
            query: format!("subscription {{ {STANDINGS} }}"),
            variables: json!({}),
            silence: SOON,
        };
        listen(&shared, &standings, &mut take).await;
        wait_a_little(&shared).await;
    }
}

/// Takes results until there are no more, or one is not taken.
async fn listen(shared: &Shared, to: &Subscription, take: &mut impl FnMut(&Value) -> bool) {
    if to.transport == "graphql-sse" {
        listen_to_events(shared, to, take).await;
    } else {
        listen_to_socket(shared, to, take).await;
    }
}

async fn listen_to_socket(shared: &Shared, to: &Subscription, take: &mut impl FnMut(&Value) -> bool) {
    let Some(mut socket) = Socket::at(&to.url, Some("graphql-transport-ws")).await else {
        return;
    };
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {}", shared.admin) } });
    let payload = json!({ "query": to.query, "variables": to.variables });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
    if !socket.try_say(init).await || !socket.try_say(subscribe).await {
        return;
    }
    while let Some(message) = socket.hear_within(to.silence).await {
        match message["type"].as_str() {
            Some("connection_ack") => {}
            Some("next") if take(&message["payload"]) => {}
            Some("error") => {
                take(&json!({ "errors": message["payload"] }));
                return;
            }
            _ => return,
        }
    }
}

async fn listen_to_events(shared: &Shared, to: &Subscription, take: &mut impl FnMut(&Value) -> bool) {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql/stream", to.url))
        .bearer_auth(&shared.admin)
        .json(&json!({ "query": to.query, "variables": to.variables }));
    let Ok(Ok(mut response)) = tokio::time::timeout(SILENCE * 5, request.send()).await else {
        return;
    };
    let form = response.headers().get("content-type");
    if !form.is_some_and(|form| form.as_bytes().starts_with(b"text/event-stream")) {
        // Refused before there was a stream.
        take(&response.json().await.unwrap_or_default());
        return;
    }
    let mut read = String::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(to.silence, response.chunk()).await {
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
