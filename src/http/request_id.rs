//! `X-Request-Id`: taken from the caller where it is fit for a log, made here where it is not. It is kept for ever in the audit trail
//! and told in logs and traces, so it may hold nobody's number and no text.

use axum::extract::Request;
use axum::http::HeaderValue;
use tower::util::MapRequestLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

const HEADER: &str = "x-request-id";

/// The longest id taken from a caller: it goes into every log line and audit row of the request.
const MAX_LENGTH: usize = 64;
/// So many digits in a row are as long as a mobile number; an identity card has 17 at least.
const DIGITS_OF_A_PERSON: usize = 11;

/// What gives every request an id, and every response the id of its request.
pub type RequestIdLayers = (
    MapRequestLayer<fn(Request) -> Request>,
    SetRequestIdLayer<MakeRequestUuid>,
    PropagateRequestIdLayer,
);

/// Gives every request an id, and every response the id of its request.
pub fn layers() -> RequestIdLayers {
    // The first is the first that a request meets.
    (
        MapRequestLayer::new(drop_unfit),
        SetRequestIdLayer::x_request_id(MakeRequestUuid),
        PropagateRequestIdLayer::x_request_id(),
    )
}

fn drop_unfit(mut request: Request) -> Request {
    let given = request.headers().get(HEADER);
    if given.is_some_and(|id| !is_fit(id)) {
        request.headers_mut().remove(HEADER);
    }
    request
}

fn is_fit(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let mut runs = id.split(|byte| !byte.is_ascii_digit());
    (1..=MAX_LENGTH).contains(&id.len())
        && id.iter().all(is_plain)
        && runs.all(|digits| digits.len() < DIGITS_OF_A_PERSON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    async fn id_of(given: &str) -> String {
        let app = Router::new().route("/", get(|| async { "" })).layer(layers());
        let mut request = Request::builder().uri("/");
        if !given.is_empty() {
            request = request.header(HEADER, given);
        }
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.headers()[HEADER].to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn an_id_that_is_fit_for_a_log_is_kept_and_any_other_replaced() {
        let longest = "x".repeat(64);
        for fit in [
            "abc-1",
            "A_b.9-",
            "1234567890",
            "20261127-1234567890",
            longest.as_str(),
        ] {
            assert_eq!(id_of(fit).await, fit);
        }
        let long = "x".repeat(65);
        for unfit in [
            "",
            "a b",
            "a/b",
            "a@b",
            "名",
            "r-13860412345",
            "11010519491231002X",
            long.as_str(),
        ] {
            let made = id_of(unfit).await;
            assert_eq!(made.len(), 36, "{made}");
        }
    }
}
