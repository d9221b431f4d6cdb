//! `X-Request-Id`: taken from the caller where it is fit for a log, made here where it is not.

use axum::extract::Request;
use axum::http::HeaderValue;
use tower::util::MapRequestLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

const HEADER: &str = "x-request-id";

/// The longest id taken from a caller: it goes into every log line and audit row of the request.
const MAX_LENGTH: usize = 128;

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
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
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
        assert_eq!(id_of("abc-1").await, "abc-1");
        let long = "x".repeat(129);
        for unfit in ["", "a b", long.as_str()] {
            let made = id_of(unfit).await;
            assert_eq!(made.len(), 36, "{made}");
        }
    }
}
