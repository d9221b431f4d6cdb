//! `/livez` and `/readyz`: whether the process runs, and whether it can answer.

use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use http::{StatusCode, header::CACHE_CONTROL};
use tokio::sync::watch;

use crate::storage::Database;

const NO_STORE: [(http::HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// How long the database may take to answer: one that says nothing at all is not ready either.
const PATIENCE: Duration = Duration::from_secs(2);

/// The two routes.
pub fn routes(database: Database, draining: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/livez", get(async || (NO_STORE, "ok\n")))
        .route("/readyz", get(ready))
        .with_state((database, draining))
}

/// 503 while the database does not answer; it recovers by itself when the database does. And once the service is about to stop.
async fn ready(
    State((database, draining)): State<(Database, watch::Receiver<bool>)>,
) -> impl axum::response::IntoResponse {
    if *draining.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, NO_STORE, "stopping\n");
    }
    match tokio::time::timeout(PATIENCE, database.ping()).await {
        Ok(Ok(())) => return (StatusCode::OK, NO_STORE, "ok\n"),
        Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "not ready"),
        Err(_) => tracing::warn!("not ready: the database does not answer"),
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        NO_STORE,
        "database unavailable\n",
    )
}
