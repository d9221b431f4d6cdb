//! Figures that are read off when somebody asks for them: they cost requests nothing.
//!
//! What only the database knows is looked at every few seconds, and told as it was then.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Meter},
};
use tokio::sync::watch;

use crate::{
    audit,
    graphql::documents::Documents,
    http::sockets::Sockets,
    live::{Cohorts, Results},
    platform::{self, SourceStanding},
    storage::{Database, StoreError},
    telemetry::Telemetry,
};

/// How often the database is looked at.
const EVERY: Duration = Duration::from_secs(10);

/// Where figures are read off.
pub struct Read {
    /// The database.
    pub database: Database,
    /// Kept results.
    pub results: Arc<Results>,
    /// Kept documents.
    pub documents: Arc<Documents>,
    /// Subscribers of values.
    pub cohorts: Cohorts,
    /// Sockets and streams.
    pub sockets: Sockets,
}

/// What the database said when it was last looked at.
#[derive(Default)]
struct Seen {
    oldest_writer: Option<f64>,
    unsealed: Option<i64>,
    sources: Vec<SourceStanding>,
}

/// What is looked at every few seconds. Cheap to clone.
#[derive(Clone)]
pub struct Gauges {
    database: Database,
    sources: Arc<[String]>,
    seen: Arc<Mutex<Seen>>,
}

impl Gauges {
    /// Registers every figure that is read off.
    pub fn register(meter: &Meter, read: Read, sources: impl Iterator<Item = String>) -> Self {
        let gauges = Self {
            database: read.database.clone(),
            sources: sources.collect(),
            seen: Arc::default(),
        };
        gauges.register_seen(meter);
        register_kept(meter, read.results, read.documents);
        register_live(meter, read.cohorts, read.sockets);
        register_database(meter, read.database);
        gauges
    }

    /// Looks until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.look().await {
                // Who asks the database for anything is told that it is away; figures need not say so too.
                tracing::debug!(error = &error as &dyn std::error::Error, "figures are not new");
            }
        }
    }

    /// Looks once.
    pub async fn look(&self) -> Result<(), StoreError> {
        let oldest_writer = self.database.oldest_writer().await?;
        let unsealed = match self.database.seals_afterwards() {
            true => Some(audit::store::unsealed(self.database.reader()).await?),
            false => None,
        };
        let sources = platform::standing(&self.database, &self.sources).await?;
        *lock(&self.seen) = Seen {
            oldest_writer,
            unsealed,
            sources,
        };
        Ok(())
    }

    fn register_seen(&self, meter: &Meter) {
        let seen = self.seen.clone();
        meter
            .f64_observable_gauge("zhibu.change_feed.oldest_writer.age")
            .with_unit("s")
            .with_description(
                "Age of the oldest open transaction that has written, of the whole cluster (PostgreSQL)",
            )
            .with_callback(move |told| {
                if let Some(age) = lock(&seen).oldest_writer {
                    told.observe(age, &[]);
                }
            })
            .build();
        let seen = self.seen.clone();
        meter
            .i64_observable_gauge("zhibu.audit.unsealed")
            .with_unit("{entry}")
            .with_description("Entries of the audit trail that are not chained yet (PostgreSQL)")
            .with_callback(move |told| {
                if let Some(unsealed) = lock(&seen).unsealed {
                    told.observe(unsealed, &[]);
                }
            })
            .build();
        let seen = self.seen.clone();
        meter
            .u64_observable_gauge("zhibu.pull.state")
            .with_description("1 for what a source that is pulled is doing, 0 for what it is not; open: it is left alone for a while")
            .with_callback(move |told| {
                for source in &lock(&seen).sources {
                    source_states(source, told);
                }
            })
            .build();
        let seen = self.seen.clone();
        meter
            .f64_observable_gauge("zhibu.pull.last_success.time")
            .with_unit("s")
            .with_description("When a source was last read to the end, in seconds since 1970")
            .with_callback(move |told| {
                for source in &lock(&seen).sources {
                    if let Some(at) = source.last_success_at {
                        let code = KeyValue::new("zhibu.source", source.code.clone());
                        told.observe(seconds(at), &[code]);
                    }
                }
            })
            .build();
    }
}

fn source_states(source: &SourceStanding, told: &dyn AsyncInstrument<u64>) {
    for state in platform::model::SourceState::ALL {
        let attributes = [
            KeyValue::new("zhibu.source", source.code.clone()),
            KeyValue::new("zhibu.state", state.as_str()),
        ];
        told.observe(u64::from(source.state == *state), &attributes);
    }
}

fn register_kept(meter: &Meter, results: Arc<Results>, documents: Arc<Documents>) {
    let kept = results.clone();
    meter
        .u64_observable_gauge("zhibu.result_cache.size")
        .with_unit("By")
        .with_description("Memory that kept results take")
        .with_callback(move |told| told.observe(kept.bytes(), &[]))
        .build();
    meter
        .u64_observable_gauge("zhibu.result_cache.results")
        .with_unit("{result}")
        .with_description("Results that are kept")
        .with_callback(move |told| told.observe(results.count() as u64, &[]))
        .build();
    let kept = documents.clone();
    meter
        .u64_observable_gauge("zhibu.documents.size")
        .with_unit("By")
        .with_description("Memory that kept documents take, about")
        .with_callback(move |told| told.observe(kept.size().1, &[]))
        .build();
    meter
        .u64_observable_gauge("zhibu.documents.kept")
        .with_unit("{document}")
        .with_description("Documents that are kept parsed and validated")
        .with_callback(move |told| told.observe(documents.size().0 as u64, &[]))
        .build();
}

fn register_live(meter: &Meter, cohorts: Cohorts, sockets: Sockets) {
    let counted = cohorts.clone();
    meter
        .u64_observable_gauge("zhibu.live.cohorts")
        .with_unit("{cohort}")
        .with_description("Values that are subscribed to; subscribers of one share its execution")
        .with_callback(move |told| told.observe(counted.count() as u64, &[]))
        .build();
    let counted = cohorts.clone();
    meter
        .u64_observable_gauge("zhibu.live.subscribers")
        .with_unit("{subscriber}")
        .with_description("Subscribers of values")
        .with_callback(move |told| told.observe(counted.subscribers().0 as u64, &[]))
        .build();
    let counted = cohorts.clone();
    meter
        .u64_observable_gauge("zhibu.live.cohort.largest")
        .with_unit("{subscriber}")
        .with_description("Subscribers of the value that has most of them")
        .with_callback(move |told| told.observe(counted.subscribers().1 as u64, &[]))
        .build();
    meter
        .u64_observable_counter("zhibu.live.executions")
        .with_unit("{execution}")
        .with_description("Executions for subscribers of values")
        .with_callback(move |told| told.observe(cohorts.executions(), &[]))
        .build();
    meter
        .u64_observable_gauge("zhibu.live.connections")
        .with_unit("{connection}")
        .with_description("Open sockets and event streams")
        .with_callback(move |told| {
            let streams = sockets.streams();
            let of = |protocol: &'static str| [KeyValue::new("network.protocol.name", protocol)];
            told.observe(streams as u64, &of("sse"));
            told.observe(sockets.count().saturating_sub(streams) as u64, &of("websocket"));
        })
        .build();
}

fn register_database(meter: &Meter, database: Database) {
    let pools = database.clone();
    meter
        .i64_observable_up_down_counter("db.client.connection.count")
        .with_unit("{connection}")
        .with_description("Connections to the database")
        .with_callback(move |told| {
            for (pool, size, idle) in pools.pools() {
                let idle = i64::try_from(idle).unwrap_or(i64::MAX);
                for (state, count) in [("idle", idle), ("used", i64::from(size) - idle)] {
                    let attributes = [
                        KeyValue::new("db.client.connection.pool.name", pool),
                        KeyValue::new("db.client.connection.state", state),
                    ];
                    told.observe(count, &attributes);
                }
            }
        })
        .build();
    let waiting = database.clone();
    meter
        .i64_observable_up_down_counter("db.client.connection.pending_requests")
        .with_unit("{request}")
        .with_description("Requests whose first read waits for a connection")
        .with_callback(move |told| {
            let waiting = waiting.telemetry().and_then(Telemetry::metrics);
            let pool = KeyValue::new("db.client.connection.pool.name", "read");
            told.observe(waiting.map_or(0, |metrics| metrics.waiting()), &[pool]);
        })
        .build();
    let log = database.clone();
    meter
        .f64_observable_gauge("zhibu.change_feed.tail.age")
        .with_unit("s")
        .with_description("Since the change log was last looked at; above 2 s answers go past kept results")
        .with_callback(move |told| {
            if let (Some(looked_at), _) = log.log().tail() {
                told.observe(since(log.clock().machine(), looked_at), &[]);
            }
        })
        .build();
    meter
        .f64_observable_gauge("zhibu.change_feed.held_back")
        .with_unit("s")
        .with_description(
            "Age of the oldest change that is committed and that readers may not be offered yet",
        )
        .with_callback(move |told| {
            let (_, held) = database.log().tail();
            let age = held.map_or(0.0, |at| since(database.clock().machine(), at));
            told.observe(age, &[]);
        })
        .build();
}

fn since(now: DateTime<Utc>, at: DateTime<Utc>) -> f64 {
    (now - at).as_seconds_f64().max(0.0)
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// Poisoned by nobody: what runs under it does not panic.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
