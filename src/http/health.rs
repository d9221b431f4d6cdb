//! `/livez` and `/readyz`: whether the process runs, and whether it can answer.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::{StatusCode, header::CACHE_CONTROL};
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use crate::storage::Database;

const NO_STORE: [(http::HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// How long the database may take to answer: one that says nothing at all is not ready either.
const PATIENCE: Duration = Duration::from_secs(2);

/// The two routes.
pub fn routes(database: Database, draining: watch::Receiver<bool>) -> Router {
    let readiness = Readiness {
        database,
        draining,
        seen: Arc::default(),
    };
    Router::new()
        .route("/livez", get(async || (NO_STORE, "ok\n")))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

#[derive(Clone)]
struct Readiness {
    database: Database,
    draining: watch::Receiver<bool>,
    /// When the database was asked last, and whether it answered; locked while it is asked.
    seen: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Readiness {
    /// Whether the database answers. It is asked one question at a time, and those who waited for the last answer share the next:
    /// whoever asks without end takes one connection of it.
    async fn database_answers(&self) -> bool {
        let came = Instant::now();
        let mut seen = self.seen.lock().await;
        if let Some((asked, answers)) = *seen
            && asked >= came
        {
            return answers;
        }
        let asked = Instant::now();
        let answers = match tokio::time::timeout(PATIENCE, self.database.ping()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn Error, "not ready");
                false
            }
            Err(_) => {
                tracing::warn!("not ready: the database does not answer");
                false
            }
        };
        *seen = Some((asked, answers));
        answers
    }
}

/// 503 while the database does not answer; it recovers by itself when the database does. And once the service is about to stop.
async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    if *readiness.draining.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, NO_STORE, "stopping\n");
    }
    match readiness.database_answers().await {
        true => (StatusCode::OK, NO_STORE, "ok\n"),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            NO_STORE,
            "database unavailable\n",
        ),
    }
}
