//! Content codings of bodies (RFC 9110, section 8.4), where one is to be undone or done: most requests are not packed and most
//! answers that are kept are packed already, and these pay for none of it.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::predicate::{DefaultPredicate, SizeAbove};
use tower_http::compression::{CompressionLayer, Predicate as _};
use tower_http::decompression::RequestDecompressionLayer;

use crate::http::COMPRESS_ABOVE;

/// Hands a request on whose body is packed, unpacked; a coding that is not known is 415.
pub(super) async fn unpacked(
    request: Request<Body>,
    answer: impl AsyncFnOnce(Request<Body>) -> Response,
) -> Response {
    let mut answer = Some(answer);
    let service = service_fn(|request: Request<_>| {
        let answered = answer.take().map(|answer| answer(request.map(Body::new)));
        async move {
            Ok::<_, Infallible>(match answered {
                Some(answered) => answered.await,
                // Called once.
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            })
        }
    });
    let service = RequestDecompressionLayer::new().layer(service);
    match service.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// Packs an answer where that saves something, and its reader takes it; says that it depends on that.
pub(super) async fn packed(response: Response, accept_encoding: Option<HeaderValue>) -> Response {
    let mut asked = Request::new(());
    if let Some(accept_encoding) = accept_encoding {
        asked
            .headers_mut()
            .insert(header::ACCEPT_ENCODING, accept_encoding);
    }
    let layer = CompressionLayer::new()
        .gzip(true)
        .compress_when(SizeAbove::new(COMPRESS_ABOVE).and(DefaultPredicate::new()));
    let mut response = Some(response);
    let service =
        service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
    match layer.layer(service).oneshot(asked).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}
