//! What a running service tells of itself: metrics (OpenTelemetry, for a collector and for Prometheus), traces, and a line a
//! request where the deployment wants one (docs/adr/0018).
//!
//! A leaf: it knows plain values and the clock, and whoever has something to tell hands it in. Where nothing is configured there
//! is no [`Telemetry`] at all, and nobody measures anything. What callers send in never gets here, but for the name of an
//! operation: neither tokens nor subjects, references, variables or free text.

mod export;
pub mod instruments;
mod observed;
pub mod panics;
mod process;
mod scrape;
mod settings;
mod spent;
mod tracing_ids;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider as _},
    trace::TracerProvider as _,
};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use prometheus::Registry;
use rand::{CryptoRng, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use self::{export::Collector, instruments::Metrics, tracing_ids::Ids};
use crate::kernel::clock::Clock;

pub use observed::{Observed, Operation, Transport};
pub use settings::{Settings, headers};
pub use spent::Spent;

/// How long the last spans and figures may take to get out when the service stops.
const LAST: Duration = Duration::from_secs(4);

/// Why telemetry cannot be set up as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An exporter.
    #[error("telemetry: {0}")]
    Exporter(String),
    /// The address on which figures are served.
    #[error("telemetry.metrics_listen: cannot listen on {0}: {1}")]
    Listen(std::net::SocketAddr, #[source] io::Error),
}

/// What a service tells of itself. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

/// Where a telemetry will be, for what is made before it: nothing until it is there, and nothing for ever where it is off.
pub type Slot = Arc<OnceLock<Telemetry>>;

struct Inner {
    clock: Clock,
    metrics: Option<Metrics>,
    tracer: Option<SdkTracer>,
    trust_parent: bool,
    log_requests: bool,
    /// Codes of sources that are configured: others are counted together.
    sources: BTreeSet<String>,
    /// When each job last came to its end.
    jobs: Mutex<BTreeMap<&'static str, DateTime<Utc>>>,
    began: DateTime<Utc>,
    registry: Option<Registry>,
    meters: Option<SdkMeterProvider>,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets up what is configured; None where nothing is. Within a Tokio runtime, over which it exports.
    ///
    /// # Errors
    ///
    /// An exporter that cannot be made of its settings.
    pub fn start(
        settings: &Settings,
        log_requests: bool,
        sources: impl IntoIterator<Item = String>,
        clock: Clock,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Self>, TelemetryError> {
        let exports = settings.otlp_endpoint.is_some();
        let serves = settings.metrics_listen.is_some();
        if !exports && !serves && !log_requests {
            return Ok(None);
        }
        let wrong = |error: &dyn std::error::Error| TelemetryError::Exporter(error.to_string());
        let collector = match &settings.otlp_endpoint {
            Some(endpoint) => Some(Collector::new(endpoint, settings.otlp_headers.as_ref())?),
            None => None,
        };
        let resource = resource(settings);
        let mut registry = None;
        let mut meters = None;
        if exports || serves {
            let mut builder = SdkMeterProvider::builder().with_resource(resource.clone());
            if serves {
                let served = Registry::new();
                let reader = opentelemetry_prometheus::exporter()
                    .with_registry(served.clone())
                    .scope_info_enabled(false)
                    .build()
                    .map_err(|error| wrong(&error))?;
                builder = builder.with_reader(reader);
                registry = Some(served);
            }
            if let Some(collector) = &collector {
                builder = builder.with_reader(collector.metrics(settings.metrics_interval)?);
            }
            meters = Some(builder.build());
        }
        let mut traces = None;
        if let Some(collector) = &collector
            && settings.traces > 0.0
        {
            let config = BatchConfigBuilder::default()
                .with_max_queue_size(2048)
                .with_max_export_batch_size(512)
                .with_scheduled_delay(Duration::from_secs(2))
                .build();
            let batches = BatchSpanProcessor::builder(collector.spans()?).with_batch_config(config);
            let provider = SdkTracerProvider::builder()
                .with_span_processor(batches.build())
                .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                    settings.traces,
                ))))
                .with_id_generator(Ids::new(ChaCha20Rng::from_rng(rng)))
                .with_max_attributes_per_span(32)
                .with_resource(resource);
            traces = Some(provider.build());
        }
        let meter = meters.as_ref().map(|meters| meters.meter("zhibu"));
        let telemetry = Self(Arc::new(Inner {
            metrics: meter.as_ref().map(Metrics::new),
            tracer: traces.as_ref().map(|traces| traces.tracer("zhibu")),
            trust_parent: settings.trust_parent,
            log_requests,
            sources: sources.into_iter().collect(),
            jobs: Mutex::default(),
            began: clock.machine(),
            clock,
            registry,
            meters,
            traces,
        }));
        if let Some(meter) = &meter {
            telemetry.tell_of_itself(meter, collector);
        }
        Ok(Some(telemetry))
    }

    /// What slices and the edges count with; None where nobody asks for figures.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.0.metrics.as_ref()
    }

    /// What figures that are read when somebody asks are registered with.
    pub fn meter(&self) -> Option<Meter> {
        self.0.meters.as_ref().map(|meters| meters.meter("zhibu"))
    }

    /// A source's code, where it is configured: who may send codes must not make rows of figures.
    pub fn source_label<'a>(&self, code: &'a str) -> Cow<'a, str> {
        match self.0.sources.contains(code) {
            true => Cow::Borrowed(code),
            false => Cow::Borrowed("_OTHER"),
        }
    }

    /// Entries of points that were pushed, by what became of them.
    pub fn pushed(&self, source: &str, accepted: u64, duplicate: u64, quarantined: u64) {
        if let Some(metrics) = self.metrics() {
            metrics.pushed(&self.source_label(source), accepted, duplicate, quarantined);
        }
    }

    /// A run over a source that has ended, and with what.
    pub fn pulled(&self, source: &str, outcome: &'static str) {
        if let Some(metrics) = self.metrics() {
            metrics.pulled(&self.source_label(source), outcome);
        }
    }

    /// A job that came to its end.
    pub fn job_done(&self, job: &'static str) {
        let now = self.0.clock.machine();
        let mut jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(job, now);
    }

    /// Sends out what waits, within five seconds, and stops. Not to be used any more afterwards.
    pub async fn stop(&self) {
        let (traces, meters) = (self.0.traces.clone(), self.0.meters.clone());
        let spans = tokio::task::spawn_blocking(move || {
            traces.map(|traces| traces.shutdown_with_timeout(LAST));
        });
        let figures = tokio::task::spawn_blocking(move || {
            meters.map(|meters| meters.shutdown_with_timeout(LAST));
        });
        let both = async { tokio::join!(spans, figures) };
        if tokio::time::timeout(LAST + Duration::from_secs(1), both)
            .await
            .is_err()
        {
            tracing::warn!("the last telemetry did not get out in time");
        }
    }

    /// Sends out what waits, now.
    pub async fn flush(&self) {
        let (traces, meters) = (self.0.traces.clone(), self.0.meters.clone());
        let flushed = tokio::task::spawn_blocking(move || {
            traces.map(|traces| traces.force_flush());
            meters.map(|meters| meters.force_flush());
        });
        let _ = flushed.await;
    }

    fn tell_of_itself(&self, meter: &Meter, collector: Option<Collector>) {
        process::register(meter, self.0.clock.clone(), self.0.began);
        if let Some(collector) = collector {
            collector.register(meter);
        }
        // Weak: the provider that asks is held by what it would ask.
        let inner = Arc::downgrade(&self.0);
        meter
            .i64_observable_up_down_counter("http.server.active_requests")
            .with_unit("{request}")
            .with_description("Requests that are being answered")
            .with_callback({
                let inner = inner.clone();
                move |told| {
                    let metrics = inner.upgrade().and_then(|inner| inner.metrics.clone());
                    if let Some(metrics) = metrics {
                        told.observe(metrics.active(), &[]);
                    }
                }
            })
            .build();
        meter
            .f64_observable_gauge("zhibu.job.last_success.time")
            .with_unit("s")
            .with_description("When a job last came to its end, in seconds since 1970")
            .with_callback(move |told| {
                let Some(inner) = inner.upgrade() else { return };
                let jobs = inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
                for (job, at) in jobs.iter() {
                    let at = at.timestamp_millis() as f64 / 1000.0;
                    told.observe(at, &[KeyValue::new("zhibu.job", *job)]);
                }
            })
            .build();
    }

    fn now(&self) -> SystemTime {
        self.0.clock.machine().into()
    }
}

fn resource(settings: &Settings) -> Resource {
    let instance = settings
        .instance
        .clone()
        .map(|i| KeyValue::new("service.instance.id", i));
    Resource::builder_empty()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(instance)
        .build()
}
