//! Responses: status by media type and code, and the headers that every one of them has.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::accept::Media;
use crate::graphql::error::{ApiError, ErrorCode, Renderer};
use crate::graphql::guard::{Limit, Refused};
use crate::graphql::idempotency::Replay;
use crate::graphql::{Executed, Idempotency, RequestId};
use crate::kernel::message::{Lang, Message};
use crate::live::Answer;
use crate::telemetry::Observed;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What is known of every response before there is one.
pub(super) struct Reply<'a> {
    pub media: Media,
    pub lang: Lang,
    pub request_id: &'a RequestId,
    pub observed: &'a Observed,
}

impl Reply<'_> {
    /// What came of a request.
    pub(super) fn executed(&self, executed: &Executed, idempotency: Option<&Idempotency>) -> Response<Body> {
        let replay = idempotency.map(Idempotency::replay);
        self.observed.failed(
            executed.code().map(ErrorCode::as_str),
            executed.refused().and_then(Refused::limit).map(Limit::as_str),
        );
        let mut response = self.json(self.status_of(executed, replay), executed);
        let headers = response.headers_mut();
        if response_is(executed, ErrorCode::Unauthenticated) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = executed.retry_after().filter(|_| executed.is_all_error()) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(over_http) = executed.over_http() {
            headers.extend(over_http.fields.clone());
        }
        if replay == Some(Replay::Replayed) {
            headers.insert(
                HeaderName::from_static("idempotent-replayed"),
                HeaderValue::from_static("true"),
            );
        }
        response
    }

    /// An error of ours, and nothing else.
    pub(super) fn failed(&self, error: ApiError) -> Response<Body> {
        let renderer = Renderer::new(self.lang, self.request_id.as_str());
        self.executed(&Executed::error(error, None, &renderer), None)
    }

    /// A result that is not kept, though such results are.
    pub(super) fn passed(&self, executed: &Executed) -> Response<Body> {
        let mut response = self.executed(executed, None);
        let passed = HeaderValue::from_static("zhibu; fwd=bypass");
        response.headers_mut().insert(CACHE_STATUS, passed);
        response
    }

    /// A result that is kept, with where it comes from (RFC 9211); 304 where the caller has it (RFC 9110, section 13.1.2).
    pub(super) fn kept(
        &self,
        answer: &Answer,
        status: &'static str,
        known: Option<&str>,
        public: bool,
        gzip: bool,
    ) -> Response<Body> {
        let has_it = known.is_some_and(|known| {
            let mut tags = known.split(',').map(str::trim);
            tags.any(|tag| opaque(tag) == opaque(&answer.etag) || tag == "*")
        });
        let mut response = if has_it {
            let mut response = self.bytes(StatusCode::NOT_MODIFIED, Body::empty());
            response.headers_mut().remove(header::CONTENT_TYPE);
            response
        } else if let Some(packed) = gzip.then(|| answer.packed()).flatten() {
            let mut response = self.bytes(StatusCode::OK, Body::from(packed));
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        } else {
            self.bytes(StatusCode::OK, Body::from(answer.body.clone()))
        };
        let headers = response.headers_mut();
        // Seen again each time: it stands until something moves, and nobody knows when that is.
        let control = if public {
            "public, no-cache"
        } else {
            "private, no-cache"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
        if let Ok(etag) = HeaderValue::from_str(&answer.etag) {
            headers.insert(header::ETAG, etag);
        }
        headers.insert(CACHE_STATUS, HeaderValue::from_static(status));
        response
    }

    fn status_of(&self, executed: &Executed, replay: Option<Replay>) -> StatusCode {
        if !executed.errors().is_empty() {
            match replay {
                Some(Replay::InFlight) => return StatusCode::CONFLICT,
                Some(Replay::OtherBody) => return StatusCode::UNPROCESSABLE_ENTITY,
                _ => {}
            }
        }
        if executed.is_too_large() {
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        if executed.refused().is_some() {
            return StatusCode::BAD_REQUEST;
        }
        if let Some(status) = executed.over_http().and_then(|over_http| over_http.status)
            && executed.is_request_error()
        {
            return status;
        }
        if executed.is_all_error() {
            match executed.code() {
                Some(ErrorCode::Unauthenticated) => return StatusCode::UNAUTHORIZED,
                Some(ErrorCode::Unavailable) => return StatusCode::SERVICE_UNAVAILABLE,
                Some(ErrorCode::RateLimited) => return StatusCode::TOO_MANY_REQUESTS,
                _ => {}
            }
        }
        if !executed.is_request_error() {
            return StatusCode::OK;
        }
        match executed.code() {
            Some(ErrorCode::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
            Some(ErrorCode::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            Some(ErrorCode::Forbidden) => StatusCode::OK,
            _ if self.media == Media::Json => StatusCode::OK,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// A request that is no GraphQL request, told as an error in the form of a response.
    pub(super) fn status(&self, status: StatusCode, message: Message) -> Response<Body> {
        let renderer = Renderer::new(self.lang, self.request_id.as_str());
        let executed = Executed::error(ApiError::bad_request(message), None, &renderer);
        self.observed.failed(Some(ErrorCode::BadRequest.as_str()), None);
        self.json(status, &executed)
    }

    /// 405 with the methods that are taken.
    pub(super) fn method_not_allowed(&self, allow: &'static str) -> Response<Body> {
        let message = Message::new(format!("此请求只能使用 {allow}"), format!("Only by {allow}"));
        let mut response = self.status(StatusCode::METHOD_NOT_ALLOWED, message);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    }

    fn json(&self, status: StatusCode, executed: &Executed) -> Response<Body> {
        let (status, body) = match serde_json::to_vec(executed) {
            Ok(body) => (status, body),
            Err(error) => {
                tracing::error!(request_id = self.request_id.as_str(), %error, "response does not serialize");
                (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
            }
        };
        self.bytes(status, Body::from(body))
    }

    fn bytes(&self, status: StatusCode, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.reserve(12);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.media.content_type()),
        );
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(self.lang.tag()),
        );
        let id = self.request_id.as_str();
        if let Ok(id) = HeaderValue::from_str(id)
            && !id.is_empty()
        {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        common(headers);
        response
    }
}

/// The page for browsers.
pub(super) fn page(mut page: Response<Body>) -> Response<Body> {
    common(page.headers_mut());
    page
}

/// What is compared weakly of a validator (RFC 9110, section 8.8.3.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn common(headers: &mut HeaderMap) {
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Authorization, Accept, Accept-Language, Accept-Encoding"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

fn response_is(executed: &Executed, code: ErrorCode) -> bool {
    executed.is_all_error() && executed.code() == Some(code)
}
