//! What the route says: the lines of an answer, and a problem where there is no answer.

use async_graphql::ErrorExtensionValues;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    graphql::error::{ApiError, ErrorCode, Renderer},
    kernel::{
        message::{Lang, Message},
        refusal::{Refusal, RefusalCode},
    },
    points::Outcome,
    storage::StoreError,
};

/// The media type of an answer.
pub(super) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Why there is no answer, or why one ends.
pub(super) struct Problem {
    status: StatusCode,
    error: ApiError,
}

impl Problem {
    pub fn of(status: StatusCode, error: ApiError) -> Self {
        Self { status, error }
    }

    pub fn bad_request(message: Message) -> Self {
        Self::of(StatusCode::BAD_REQUEST, ApiError::bad_request(message))
    }

    pub fn unauthenticated(message: Message) -> Self {
        Self::of(
            StatusCode::UNAUTHORIZED,
            ApiError::new(ErrorCode::Unauthenticated, message),
        )
    }

    pub fn not_found(message: Message) -> Self {
        Self::of(StatusCode::NOT_FOUND, ApiError::new(ErrorCode::NotFound, message))
    }

    /// A rule stood in the way.
    pub fn refused(refusal: Refusal) -> Self {
        match refusal.code {
            RefusalCode::NotFound => Self::not_found(refusal.message),
            _ => Self::of(
                StatusCode::UNPROCESSABLE_ENTITY,
                ApiError::bad_request(refusal.message),
            ),
        }
    }

    /// A fault of ours.
    pub fn internal(error: ApiError) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// In words for the caller, and in a line of the log where it is a failure: once.
    pub fn tell(self, lang: Lang, request_id: &str) -> Told {
        let rendered = Renderer::new(lang, request_id).own(&self.error);
        let mut error = json!({ "message": rendered.error.message });
        if let Some(error) = error.as_object_mut() {
            // What GraphQL's errors have in `extensions`.
            let extensions = rendered.error.extensions.as_ref();
            error.extend(extensions.map(members).unwrap_or_default());
        }
        let mut fields = rendered.over_http.map(|over_http| over_http.fields.clone());
        if let Some(seconds) = rendered.retry_after {
            let fields = fields.get_or_insert_default();
            fields.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Told {
            status: self.status,
            code: rendered.code.as_str(),
            line: format!("{}\n", json!({ "error": error })),
            fields: fields.unwrap_or_default(),
            lang,
        }
    }
}

fn members(extensions: &ErrorExtensionValues) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(extensions) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

/// A problem in words.
pub(super) struct Told {
    status: StatusCode,
    /// What clients branch on.
    pub code: &'static str,
    /// As a line of an answer that has begun.
    pub line: String,
    fields: HeaderMap,
    lang: Lang,
}

impl Told {
    /// As an answer of its own.
    pub fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.line));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.fields);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(self.lang.tag()),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let error = ApiError::from(error);
        match error.code() {
            ErrorCode::Unavailable => Self::of(StatusCode::SERVICE_UNAVAILABLE, error),
            _ => Self::internal(error),
        }
    }
}

/// What became of the rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Rows that are through: durable, whatever became of them.
    pub through: u64,
    /// Booked.
    pub accepted: u64,
    /// Booked already.
    pub duplicates: u64,
    /// Waiting in quarantine.
    pub quarantined: u64,
}

impl Counts {
    /// Counts a row in.
    pub fn add(&mut self, outcome: Outcome) {
        self.through += 1;
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Duplicate => self.duplicates += 1,
            Outcome::Quarantined(_) => self.quarantined += 1,
        }
    }
}

/// The line of a chunk that is durable.
#[derive(Serialize)]
pub(super) struct ChunkLine {
    /// So far.
    #[serde(flatten)]
    pub counts: Counts,
    /// Lines of entries that were left out, because the caller did not read.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

/// The last line.
#[derive(Serialize)]
pub(super) struct DoneLine {
    pub done: bool,
    #[serde(flatten)]
    pub chunk: ChunkLine,
}

/// The line of an entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryLine<'a> {
    /// Which row of the body, from 1.
    pub row: u64,
    /// The entry's key; none of a row that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i32>,
    pub status: &'static str,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What of a row cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Adds a line.
pub(super) fn write_line(lines: &mut Vec<u8>, line: &impl Serialize) {
    // Into a vector, from values that all have a form in JSON.
    if serde_json::to_writer(&mut *lines, line).is_ok() {
        lines.push(b'\n');
    }
}
