//! Around every route: what is told of a request, whatever answers it. Where nobody watches, a request passes through.

use std::{
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use futures_util::future::{BoxFuture, Either};
use http::Method;
use tower::{Layer, Service};

use super::graphql::request_id;
use crate::{
    storage::Database,
    telemetry::{Observed, Telemetry, Transport, instruments::Answered},
};

/// Routes that supervisors ask every few seconds: counted, and neither traced nor logged.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Makes requests observed.
#[derive(Clone)]
pub struct Observe {
    database: Database,
}

impl Observe {
    /// With what the database's telemetry says; it may come later than this.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl<S> Layer<S> for Observe {
    type Service = ObserveService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ObserveService {
            database: self.database.clone(),
            inner,
        }
    }
}

/// See [`Observe`].
#[derive(Clone)]
pub struct ObserveService<S> {
    database: Database,
    inner: S,
}

impl<S> Service<Request> for ObserveService<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Some(telemetry) = self.database.telemetry() else {
            return Either::Left(self.inner.call(request));
        };
        let telemetry = telemetry.clone();
        let began = Instant::now();
        let method = method_name(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let path = route.as_ref().map(MatchedPath::as_str);
        let observed = match path.is_some_and(|path| PROBES.contains(&path)) {
            true => Observed::default(),
            false => {
                let id = request_id(&request);
                let headers = Some(request.headers());
                telemetry.begin(Transport::Http, method, id.as_str(), headers)
            }
        };
        observed.request(method, path);
        request.extensions_mut().insert(observed.clone());
        let active = Active::begins(telemetry);
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            let status = answer.status().as_u16();
            observed.end(Some(status));
            if let Some(metrics) = active.0.metrics() {
                metrics.answered(&Answered {
                    method,
                    route: route.as_ref().map(MatchedPath::as_str),
                    status,
                    took: began.elapsed(),
                });
            }
            Ok(answer)
        }))
    }
}

/// Among the requests that are being answered, until it is dropped.
struct Active(Telemetry);

impl Active {
    fn begins(telemetry: Telemetry) -> Self {
        if let Some(metrics) = telemetry.metrics() {
            metrics.begins();
        }
        Self(telemetry)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if let Some(metrics) = self.0.metrics() {
            metrics.ends();
        }
    }
}

/// Methods that are told by their name (OpenTelemetry's `http.request.method`); a caller may send any word.
fn method_name(method: &Method) -> &'static str {
    let known = [
        "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT",
    ];
    let found = known.into_iter().find(|known| method.as_str() == *known);
    found.unwrap_or("_OTHER")
}
