//! graphql-sse (github.com/enisdenjo/graphql-sse, PROTOCOL.md), distinct connections mode: an operation's results as
//! server-sent events, `next` for each and `complete` at the end.
//!
//! An event of `changes` carries its cursor as the event's id, so that a browser that reconnects by itself goes on where it
//! was (`Last-Event-ID`, which wins over `after`).

use std::time::Duration;

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{HeaderValue, header};
use tokio::sync::mpsc;

use crate::live::{Told, cursor::Cursor};

/// How often a comment is sent where nothing else is: proxies end connections that are silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream of results; it is cut off when `until` ends, or when its reader takes nothing for `write_timeout`.
pub fn answer(
    told: BoxStream<'static, Told>,
    until: impl Future<Output = ()> + Send + 'static,
    write_timeout: Duration,
) -> Response {
    let next = told.map(|told| match told {
        Told::Next(result) => event("next", &result),
        // The protocol has no event for errors: they are a result without data.
        Told::Failed(errors) => {
            let mut result = b"{\"errors\":".to_vec();
            result.extend_from_slice(&errors);
            result.push(b'}');
            event("next", &result.into())
        }
    });
    // With a field of data, empty as it is: browsers do not tell of an event without one (HTML, 9.2.6).
    let complete = stream::once(std::future::ready(Event::default().event("complete").data("\n")));
    let mut events = next.chain(complete);
    let (sender, receiver) = mpsc::channel(1);
    // In a task of its own: what a reader that takes nothing is owed is not asked for, its end is not seen by asking for it.
    tokio::spawn(async move {
        let pump = async {
            while let Some(event) = events.next().await {
                let sent = tokio::time::timeout(write_timeout, sender.send(Ok::<_, Cut>(event)));
                if !matches!(sent.await, Ok(Ok(()))) {
                    return false;
                }
            }
            true
        };
        let ended = tokio::select! {
            ended = pump => ended,
            () = until => false,
            () = sender.closed() => return,
        };
        if !ended {
            // Broken off, not ended: who was in the middle comes again.
            let _ = tokio::time::timeout(write_timeout, sender.send(Err(Cut))).await;
        }
    });
    let events = stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // What buffers answers would hold back events.
    response.headers_mut().insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// A stream that is broken off.
#[derive(Debug, thiserror::Error)]
#[error("cut off")]
struct Cut;

fn event(name: &str, result: &Bytes) -> Event {
    // JSON of ours: UTF-8, and on one line.
    let event = Event::default().event(name).data(String::from_utf8_lossy(result));
    match cursor(result) {
        Some(cursor) => event.id(cursor.encode()),
        None => event,
    }
}

/// The cursor of a change that was asked for it, under its own name. Names are the caller's: what is no cursor is no id.
fn cursor(result: &Bytes) -> Option<Cursor> {
    #[derive(serde::Deserialize)]
    struct Result {
        data: Data,
    }
    #[derive(serde::Deserialize)]
    struct Data {
        changes: Changes,
    }
    #[derive(serde::Deserialize)]
    struct Changes {
        cursor: String,
    }
    let result: Result = serde_json::from_slice(result).ok()?;
    Cursor::decode(&result.data.changes.cursor)
}
