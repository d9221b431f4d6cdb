//! What may go wrong as a GraphQL error, and the one place where such errors become text for clients.
//!
//! A resolver returns [`ApiError`] through `?`; anything else that reaches a response (a driver's text, a
//! formatting of some inner type) is replaced by INTERNAL, a fixed sentence and the request's id, and its
//! cause goes to the log, once.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};
use http::{HeaderMap, StatusCode};

use crate::kernel::cause::causes;
use crate::kernel::message::{Lang, Message};
use crate::kernel::page::{MAX_PAGE, PageError};

/// What clients branch on: `extensions.code` of every error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No token, or one that cannot be taken.
    Unauthenticated,
    /// Known, but not allowed to do this.
    Forbidden,
    /// A request that cannot be taken as it is: syntax, validation, variables, arguments, cursors.
    BadRequest,
    /// One of the document guard's limits.
    QueryTooComplex,
    /// The hash names no document kept here; send the document too.
    PersistedQueryNotFound,
    /// Nothing of that kind, or nothing the caller may see, where the schema cannot say null.
    NotFound,
    /// The idempotency key is in use, or was used with another body.
    IdempotencyConflict,
    /// A subscriber that reads slower than things change.
    SlowConsumer,
    /// It took longer than allowed.
    Timeout,
    /// Asked too often.
    RateLimited,
    /// The cursor's part of the change log is gone.
    CursorExpired,
    /// Something this service needs is away; `extensions.retryAfter` says when to come back, in seconds.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    /// The code as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadRequest => "BAD_REQUEST",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::NotFound => "NOT_FOUND",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::SlowConsumer => "SLOW_CONSUMER",
            Self::Timeout => "TIMEOUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// An error made for the caller to read. Its source, if any, is for the log and never leaves the process.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: Message,
    retry_after: Option<NonZeroU32>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    extensions: Vec<(&'static str, Value)>,
    over_http: Option<Arc<OverHttp>>,
}

/// What an error is over HTTP besides what it says.
#[derive(Clone, Debug, Default)]
pub struct OverHttp {
    /// The status where what is wrong is not GraphQL's: the same under either media type.
    pub status: Option<StatusCode>,
    /// Header fields that go with it.
    pub fields: HeaderMap,
}

impl ApiError {
    /// An error with a code and a text.
    pub fn new(code: ErrorCode, message: Message) -> Self {
        Self {
            code,
            message,
            retry_after: None,
            source: None,
            extensions: Vec::new(),
            over_http: None,
        }
    }

    /// BAD_REQUEST.
    pub fn bad_request(message: Message) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    /// INTERNAL, with its cause for the log.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(ErrorCode::Internal, internal_message()).with_source(source)
    }

    /// UNAVAILABLE: something this service needs is away; come back in `retry_after` seconds.
    pub fn unavailable(retry_after: u32) -> Self {
        let message = Message::new(
            format!("服务暂时不可用，请在{retry_after}秒后重试"),
            format!("Temporarily unavailable; try again in {retry_after} s"),
        );
        Self::new(ErrorCode::Unavailable, message).with_retry_after(retry_after)
    }

    /// FORBIDDEN: the caller may see the thing, but this is not for them to do.
    pub fn forbidden() -> Self {
        let message = Message::new("您无权执行此操作", "You may not do this");
        Self::new(ErrorCode::Forbidden, message)
    }

    /// TIMEOUT: a query took longer than the deployment lets it.
    pub fn timeout() -> Self {
        let message = Message::new("查询超时", "The query took too long");
        Self::new(ErrorCode::Timeout, message)
    }

    /// NOT_FOUND: of a root that cannot be null.
    pub fn not_found(what: Message) -> Self {
        let message = Message::new(
            format!("没有该{}", what.zh),
            format!("There is no such {}", what.en),
        );
        Self::new(ErrorCode::NotFound, message)
    }

    /// Adds when to come back, in seconds, at least one (`extensions.retryAfter`, and `Retry-After` over HTTP).
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = NonZeroU32::new(seconds.max(1));
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Adds a value to `extensions`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extensions.push((name, value.into()));
        self
    }

    /// Adds which limit was passed, by its name in `serviceLimits`, what it allows, and what was found where that is known: as the
    /// document guard's refusals have it.
    #[must_use]
    pub fn with_limit(self, limit: &'static str, allowed: u64, found: Option<u64>) -> Self {
        let error = self.with("limit", limit).with("allowed", allowed);
        match found {
            Some(found) => error.with("found", found),
            None => error,
        }
    }

    /// Sets its status over HTTP, under either media type.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        Arc::make_mut(self.over_http.get_or_insert_default()).status = Some(status);
        self
    }

    /// Adds header fields that go with it over HTTP.
    #[must_use]
    pub fn with_fields(mut self, fields: HeaderMap) -> Self {
        Arc::make_mut(self.over_http.get_or_insert_default())
            .fields
            .extend(fields);
        self
    }

    /// Its code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Its text.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// When to come back, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after.map(NonZeroU32::get)
    }

    /// The error as async-graphql carries it, its text in `lang`. In resolvers `?` does the same.
    pub fn into_graphql(self, lang: Lang) -> async_graphql::Error {
        let message = self.message.text(lang).to_owned();
        async_graphql::Error {
            message,
            source: Some(Arc::new(self)),
            extensions: None,
        }
    }

    fn extension_values(&self, request_id: &str) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code.as_str());
        if let Some(seconds) = self.retry_after() {
            values.set("retryAfter", seconds);
        }
        if self.code == ErrorCode::Internal {
            values.set("requestId", request_id);
        }
        for (name, value) in &self.extensions {
            values.set(name, value.clone());
        }
        values
    }
}

// The text `?` puts into async-graphql's error; the renderer replaces it by the caller's language.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.en)
    }
}

/// The result of a field that may be null. async-graphql hands the error of a `Result<Option<_>, _>` to the parent;
/// the GraphQL specification (October 2021, 6.4.4) makes the field itself null.
pub async fn nullable<T>(
    work: impl Future<Output = Result<Option<T>, ApiError>>,
) -> Option<Result<T, ApiError>> {
    work.await.transpose()
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        let refused = Self::bad_request(error.message());
        match error {
            PageError::TooMany(given) => {
                refused.with_limit("page_size", MAX_PAGE.into(), u64::try_from(given).ok())
            }
            _ => refused,
        }
    }
}

fn internal_message() -> Message {
    Message::new(
        "服务内部错误，请凭请求编号联系管理员",
        "Internal error; quote the request id when you report it",
    )
}

/// An error as it goes out, with what the transport needs to know of it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The error in the response's form; `extensions.code` is set.
    pub error: ServerError,
    /// The same code.
    pub code: ErrorCode,
    /// When to come back, in seconds.
    pub retry_after: Option<u32>,
    /// What it is over HTTP.
    pub over_http: Option<Arc<OverHttp>>,
}

/// Turns errors into what clients may read, in the caller's language.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    /// The caller's language.
    pub lang: Lang,
    /// What INTERNAL errors and the log name the request by.
    pub request_id: &'a str,
    /// The caller's role, where it is known, for the log.
    pub role: Option<&'static str>,
    /// `query`, `mutation` or `subscription`, where it is known, for the log.
    pub operation: Option<&'static str>,
}

impl<'a> Renderer<'a> {
    /// Of a request of which no more is known yet.
    pub fn new(lang: Lang, request_id: &'a str) -> Self {
        Self {
            lang,
            request_id,
            role: None,
            operation: None,
        }
    }
}

impl Renderer<'_> {
    /// An error of ours that belongs to the whole request.
    pub fn own(&self, error: &ApiError) -> Rendered {
        self.place(error, ServerError::new("", None))
    }

    /// An error of ours about places of the document.
    pub fn of_place(&self, error: &ApiError, locations: Vec<Pos>) -> Rendered {
        let mut place = ServerError::new("", None);
        place.locations = locations;
        self.place(error, place)
    }

    /// An error of async-graphql's parser or validation: its text is about the document, so it may go out.
    pub fn of_document(&self, mut error: ServerError) -> Rendered {
        let api = ApiError::bad_request(Message::new("", ""));
        error.extensions = Some(api.extension_values(self.request_id));
        error.source = None;
        Rendered {
            error,
            code: ErrorCode::BadRequest,
            retry_after: None,
            over_http: None,
        }
    }

    /// An error from a response of async-graphql, wherever it arose.
    pub fn of_response(&self, error: ServerError) -> Rendered {
        if let Some(api) = error.source::<ApiError>() {
            let api = api.clone();
            return self.place(&api, error);
        }
        let from_library = error.source.is_none();
        if from_library && (error.path.is_empty() || is_input_error(&error.message)) {
            return self.of_document(error);
        }
        let internal = ApiError::new(ErrorCode::Internal, internal_message());
        tracing::error!(
            request_id = self.request_id,
            role = self.role,
            operation_type = self.operation,
            code = internal.code.as_str(),
            path = path_text(&error),
            cause = error.message,
            "internal error"
        );
        self.place_quietly(&internal, error)
    }

    fn place(&self, api: &ApiError, error: ServerError) -> Rendered {
        let cause = api.source.as_ref().map(|source| causes(source.as_ref()));
        match api.code {
            ErrorCode::Internal => tracing::error!(
                request_id = self.request_id,
                role = self.role,
                operation_type = self.operation,
                code = api.code.as_str(),
                path = path_text(&error),
                cause,
                "internal error"
            ),
            // Anybody can send a token that is none.
            ErrorCode::Unauthenticated if cause.is_some() => tracing::info!(
                request_id = self.request_id,
                code = api.code.as_str(),
                cause,
                "a token was not taken"
            ),
            // A query that took too long has no cause but itself.
            _ if cause.is_some() || api.code == ErrorCode::Timeout => tracing::warn!(
                request_id = self.request_id,
                role = self.role,
                operation_type = self.operation,
                code = api.code.as_str(),
                path = path_text(&error),
                cause,
                "request failed"
            ),
            _ => {}
        }
        self.place_quietly(api, error)
    }

    fn place_quietly(&self, api: &ApiError, mut error: ServerError) -> Rendered {
        error.message = api.message.text(self.lang).to_owned();
        error.extensions = Some(api.extension_values(self.request_id));
        error.source = None;
        Rendered {
            error,
            code: api.code,
            retry_after: api.retry_after(),
            over_http: api.over_http.clone(),
        }
    }
}

/// async-graphql's texts for an argument that a scalar or a validator refused (`InputValueError`); a
/// resolver's error with such a beginning has a source and is told apart by it.
fn is_input_error(message: &str) -> bool {
    [
        "Failed to parse \"",
        "Expected input type \"",
        "Invalid value for argument ",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}

fn path_text(error: &ServerError) -> String {
    let mut text = String::new();
    for segment in &error.path {
        if !text.is_empty() {
            text.push('.');
        }
        match segment {
            async_graphql::PathSegment::Field(name) => text.push_str(name),
            async_graphql::PathSegment::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::PathSegment;

    const RENDERER: Renderer<'static> = Renderer {
        lang: Lang::Zh,
        request_id: "r-1",
        role: None,
        operation: None,
    };

    fn at_field(error: async_graphql::Error) -> ServerError {
        let mut error = error.into_server_error(async_graphql::Pos::default());
        error.path.push(PathSegment::Field("branch".into()));
        error
    }

    fn code(rendered: &Rendered) -> &Value {
        rendered.error.extensions.as_ref().unwrap().get("code").unwrap()
    }

    #[test]
    fn an_error_of_ours_goes_out_in_the_callers_language_without_its_source() {
        let api = ApiError::unavailable(3).with_source(std::io::Error::other("password=secret"));
        let rendered = RENDERER.of_response(at_field(api.into()));
        assert_eq!(rendered.error.message, "服务暂时不可用，请在3秒后重试");
        assert_eq!(code(&rendered), &Value::from("UNAVAILABLE"));
        assert_eq!(rendered.retry_after, Some(3));
        assert!(!serde_json::to_string(&rendered.error).unwrap().contains("secret"));
    }

    #[test]
    fn texts_that_nobody_wrote_for_clients_become_internal() {
        let foreign = [
            async_graphql::Error::from(std::io::Error::other("no such table: branch")),
            async_graphql::Error::new("no such table: branch"),
            async_graphql::Error::from(std::io::Error::other("Failed to parse \"secret\"")),
        ];
        for error in foreign {
            let rendered = RENDERER.of_response(at_field(error));
            let text = serde_json::to_string(&rendered.error).unwrap();
            assert!(!text.contains("no such table"));
            assert!(!text.contains("secret"));
            assert_eq!(code(&rendered), &Value::from("INTERNAL"));
            assert!(text.contains("r-1"));
        }
    }

    #[test]
    fn an_argument_that_a_scalar_refused_is_a_bad_request() {
        let error = async_graphql::Error::new("Failed to parse \"Date\": no such day");
        let rendered = RENDERER.of_response(at_field(error));
        assert_eq!(rendered.error.message, "Failed to parse \"Date\": no such day");
        assert_eq!(code(&rendered), &Value::from("BAD_REQUEST"));
    }
}
