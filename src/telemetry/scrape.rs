//! `/metrics` for Prometheus, on a listener of its own: the public one never serves it.

use axum::{Router, extract::State, routing::get};
use http::{HeaderName, StatusCode, header};
use prometheus::{Registry, TextEncoder};

use super::Telemetry;

/// Prometheus' text format, 0.0.4.
const CONTENT_TYPE: (HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");

impl Telemetry {
    /// What answers `/metrics`; None where figures are not served.
    pub fn scraped(&self) -> Option<Router> {
        let registry = self.0.registry.clone()?;
        Some(Router::new().route("/metrics", get(serve)).with_state(registry))
    }
}

async fn serve(State(registry): State<Registry>) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let mut families = registry.gather();
    // One order, so that two of them can be compared.
    families.sort_by(|one, other| one.name().cmp(other.name()));
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => ([CONTENT_TYPE, (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "figures cannot be written"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
