//! OTLP over HTTP (protobuf), through the HTTP client that everything else has.
//!
//! The SDK exports from threads of its own; what they send runs on the service's runtime. A collector that is away costs what
//! waits for it: that is dropped and counted, and one line says so, and one when it is back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::{KeyValue, metrics::Meter};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::metrics::{PeriodicReader, Temporality};

use super::{TelemetryError, settings::headers};
use crate::kernel::secret::Secret;

/// How long an export may take: two of them fit into what a stopping service waits.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A collector.
#[derive(Clone)]
pub(super) struct Collector {
    endpoint: String,
    client: Client,
}

impl Collector {
    pub fn new(endpoint: &str, fields: Option<&Secret>) -> Result<Self, TelemetryError> {
        let fields = match fields {
            Some(fields) => {
                headers(fields.expose()).map_err(|problem| TelemetryError::Exporter(problem.to_owned()))?
            }
            None => http::HeaderMap::new(),
        };
        let http = reqwest::Client::builder()
            .default_headers(fields)
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TelemetryError::Exporter(error.without_url().to_string()))?;
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            client: Client {
                http,
                runtime,
                state: Arc::default(),
            },
        })
    }

    /// What exports spans.
    pub fn spans(&self) -> Result<SpanExporter, TelemetryError> {
        SpanExporter::builder()
            .with_http()
            .with_http_client(self.client.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", self.endpoint))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| TelemetryError::Exporter(error.to_string()))
    }

    /// What exports figures every so often.
    pub fn metrics(&self, every: Duration) -> Result<PeriodicReader<MetricExporter>, TelemetryError> {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(self.client.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/metrics", self.endpoint))
            .with_timeout(TIMEOUT)
            .with_temporality(Temporality::Cumulative)
            .build()
            .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
        Ok(PeriodicReader::builder(exporter).with_interval(every).build())
    }

    /// Tells how many exports got through and how many did not.
    pub fn register(self, meter: &Meter) {
        let state = self.client.state;
        meter
            .u64_observable_counter("zhibu.telemetry.exports")
            .with_unit("{export}")
            .with_description("Exports to the collector, by whether they got through")
            .with_callback(move |told| {
                let sent = state.sent.load(Ordering::Relaxed);
                let dropped = state.dropped.load(Ordering::Relaxed);
                told.observe(sent, &[KeyValue::new("zhibu.outcome", "sent")]);
                told.observe(dropped, &[KeyValue::new("zhibu.outcome", "dropped")]);
            })
            .build();
    }
}

#[derive(Default)]
struct State {
    away: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    state: Arc<State>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Header fields of the client are secrets.
        f.write_str("Client")
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move { send(&http, request).await });
        let sent = match sent.await {
            Ok(sent) => sent,
            Err(error) => Err(error.into()),
        };
        self.state.told(&sent);
        sent
    }
}

async fn send(http: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    let answer = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    // Of no use: what a collector says in it is for people who debug one.
    drop(answer);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    Ok(response)
}

impl State {
    fn told(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let problem = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        match problem {
            None => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                if self.away.swap(false, Ordering::Relaxed) {
                    let dropped = self.dropped.load(Ordering::Relaxed);
                    tracing::info!(dropped, "the collector takes telemetry again");
                }
            }
            Some(problem) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        problem,
                        "the collector takes no telemetry; it is dropped until it does"
                    );
                }
            }
        }
    }
}
