//! graphql-sse (github.com/enisdenjo/graphql-sse, PROTOCOL.md), distinct connections mode: an operation's results as
//! server-sent events, `next` for each and `complete` at the end.
//!
//! An event of `changes` carries its cursor as the event's id, so that a browser that reconnects by itself goes on where it
//! was (`Last-Event-ID`, which wins over `after`).

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{HeaderValue, header};

use crate::live::Told;

/// How often a comment is sent where nothing else is: proxies end connections that are silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream of results; it ends early when `until` does.
pub fn answer(told: BoxStream<'static, Told>, until: impl Future<Output = ()> + Send + 'static) -> Response {
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
    let complete = stream::once(async { Event::default().event("complete").data("") });
    let events = next
        .chain(complete)
        .take_until(Box::pin(until))
        .map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // What buffers answers would hold back events.
    response.headers_mut().insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn event(name: &str, result: &Bytes) -> Event {
    // JSON of ours: UTF-8, and on one line.
    let event = Event::default().event(name).data(String::from_utf8_lossy(result));
    match cursor(result) {
        Some(cursor) => event.id(cursor),
        None => event,
    }
}

/// The cursor of a change that was asked for it, under its own name.
fn cursor(result: &Bytes) -> Option<String> {
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
    Some(result.data.changes.cursor)
}
