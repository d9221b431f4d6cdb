//! A stand-in for a collector: it keeps what is exported.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;

#[derive(Default)]
struct Received {
    traces: Vec<Bytes>,
    metrics: Vec<Bytes>,
    headers: Vec<HeaderMap>,
}

/// A collector.
pub struct Collector {
    /// Where it listens.
    pub url: String,
    received: Arc<Mutex<Received>>,
}

impl Collector {
    /// One on a free port.
    pub async fn start() -> Self {
        let received: Arc<Mutex<Received>> = Arc::default();
        let router = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .with_state(received.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let requests = received
            .traces
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.clone()).expect("OTLP"));
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }

    /// The names of the figures that came, and the resources that they are of.
    pub fn figures(&self) -> (Vec<String>, Vec<(String, String)>) {
        let received = self.received.lock().unwrap();
        let mut names = Vec::new();
        let mut resources = Vec::new();
        for body in &received.metrics {
            let request = ExportMetricsServiceRequest::decode(body.clone()).expect("OTLP");
            for resource in request.resource_metrics {
                let attributes = resource.resource.unwrap_or_default().attributes;
                resources.extend(attributes.iter().map(|pair| (pair.key.clone(), text(pair))));
                let metrics = resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
                names.extend(metrics.map(|metric| metric.name));
            }
        }
        (names, resources)
    }

    /// Every byte that came, with the header fields, for what must not be among them.
    pub fn everything(&self) -> (Vec<u8>, Vec<HeaderMap>) {
        let received = self.received.lock().unwrap();
        let bodies = received.traces.iter().chain(&received.metrics);
        (
            bodies.flat_map(|body| body.to_vec()).collect(),
            received.headers.clone(),
        )
    }
}

async fn traces(State(received): State<Arc<Mutex<Received>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut received = received.lock().unwrap();
    received.headers.push(headers);
    received.traces.push(body);
    StatusCode::OK
}

async fn metrics(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut received = received.lock().unwrap();
    received.headers.push(headers);
    received.metrics.push(body);
    StatusCode::OK
}

/// An attribute in words; empty where it is not there.
pub fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|pair| pair.key == key);
    found.map(text).unwrap_or_default()
}

fn text(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
