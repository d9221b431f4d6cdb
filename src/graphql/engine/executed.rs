//! A response that may be sent.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response, ServerError, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::is_request_error;
use crate::graphql::error::{ApiError, ErrorCode, OverHttp, Rendered, Renderer};
use crate::graphql::guard::{Limit, Refused};
use crate::graphql::prepare::Fault;

/// How many errors a response tells; a document can be wrong in thousands of places.
const MOST_ERRORS: usize = 20;

/// What came of a request: the response's parts, and what a transport needs to know of them. Serializes as
/// the GraphQL response; `data` is left out of a request error.
#[derive(Debug)]
pub struct Executed {
    data: Option<Value>,
    errors: Vec<ServerError>,
    kind: Option<OperationType>,
    refused: Option<Refused>,
    code: Option<ErrorCode>,
    retry_after: Option<u32>,
    over_http: Option<Arc<OverHttp>>,
}

impl Executed {
    pub(crate) fn response(response: Response, kind: OperationType, renderer: &Renderer<'_>) -> Self {
        let request_error = !response.errors.is_empty() && is_request_error(&response);
        let errors = response
            .errors
            .into_iter()
            .map(|e| renderer.of_response(e))
            .collect();
        let mut executed = Self::of(errors, Some(kind));
        if !request_error {
            executed.data = Some(response.data);
        }
        executed
    }

    /// One error of ours instead of an answer.
    pub fn error(error: ApiError, kind: Option<OperationType>, renderer: &Renderer<'_>) -> Self {
        Self::of(vec![renderer.own(&error)], kind)
    }

    /// A request that was not run.
    pub fn fault(fault: Fault, renderer: &Renderer<'_>) -> Self {
        match fault {
            Fault::Guard(refused) => {
                let executed = Self::of(vec![renderer.own(&refused.error())], None);
                Self {
                    refused: Some(refused),
                    ..executed
                }
            }
            Fault::Document(errors) => Self::of(
                errors.into_iter().map(|e| renderer.of_document(e)).collect(),
                None,
            ),
            Fault::Invalid(places) => {
                let rendered = places
                    .into_iter()
                    .map(|place| renderer.of_place(&place.error, place.at));
                Self::of(rendered.collect(), None)
            }
            Fault::Request(errors) => Self::of(errors.iter().map(|e| renderer.own(e)).collect(), None),
        }
    }

    fn of(rendered: Vec<Rendered>, kind: Option<OperationType>) -> Self {
        // Where several things went wrong, what the caller can wait for or log in for decides.
        let first = rendered.iter().max_by_key(|r| match r.code {
            ErrorCode::Unauthenticated => 3,
            ErrorCode::Unavailable | ErrorCode::RateLimited => 2,
            ErrorCode::Internal => 1,
            _ => 0,
        });
        let (code, retry_after) = (first.map(|r| r.code), first.and_then(|r| r.retry_after));
        let over_http = first.and_then(|r| r.over_http.clone());
        let errors = rendered.into_iter().take(MOST_ERRORS).map(|r| r.error).collect();
        Self {
            data: None,
            errors,
            kind,
            refused: None,
            code,
            retry_after,
            over_http,
        }
    }

    /// The answer; none where it is a request error, null where an error reached the root.
    pub fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// The errors as they go out.
    pub fn errors(&self) -> &[ServerError] {
        &self.errors
    }

    /// Which kind of operation was run; none if it did not come so far.
    pub fn kind(&self) -> Option<OperationType> {
        self.kind
    }

    /// Nothing was executed: no data, and no error belongs to a field.
    pub fn is_request_error(&self) -> bool {
        self.data.is_none()
    }

    /// Errors are all there is.
    pub fn is_all_error(&self) -> bool {
        !self.errors.is_empty() && self.data.as_ref().is_none_or(|d| matches!(d, Value::Null))
    }

    /// Whether the guard refused the document, and if so whether for its size in bytes.
    pub fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether the guard refused the document for its size in bytes.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self.refused,
            Some(Refused::Over {
                limit: Limit::DocumentBytes,
                ..
            })
        )
    }

    /// The code of the error that decides how a transport reports; none where there is no error.
    pub fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// When to come back, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// What the error that decides is over HTTP.
    pub fn over_http(&self) -> Option<&OverHttp> {
        self.over_http.as_deref()
    }
}

impl Serialize for Executed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}
