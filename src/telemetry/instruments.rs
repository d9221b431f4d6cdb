//! What is counted as it happens. What can be read off when somebody asks is not here: it costs requests nothing.
//!
//! Names are those of OpenTelemetry's semantic conventions where there are some. Attributes take few values, whatever callers send.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};

/// Seconds, from what a kept answer takes to what nobody waits for.
const SECONDS: [f64; 15] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// What documents cost: the limit is 50,000 unless configured.
const COSTS: [f64; 9] = [
    10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0, 100_000.0,
];
/// Writes that share a commit: 128 at most.
const BATCHES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// What is counted as it happens. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Instruments>);

struct Instruments {
    active: AtomicI64,
    waiting: AtomicI64,
    http: Histogram<f64>,
    graphql: Histogram<f64>,
    cost: Histogram<u64>,
    refused: Counter<u64>,
    looked_up: Counter<u64>,
    statements: Histogram<f64>,
    batch_size: Histogram<u64>,
    batch_seconds: Histogram<f64>,
    delivery: Histogram<f64>,
    delivered: Counter<u64>,
    points: Counter<u64>,
    pulls: Counter<u64>,
}

/// An HTTP request that was answered.
#[derive(Clone, Debug)]
pub struct Answered<'a> {
    /// Its method, one of those that HTTP knows.
    pub method: &'static str,
    /// The route, with names in place of what varies.
    pub route: Option<&'a str>,
    /// Its status.
    pub status: u16,
    /// Until the head of the answer was there.
    pub took: Duration,
}

/// A GraphQL operation that has ended; each is one of few values.
#[derive(Clone, Debug, Default)]
pub struct Ended<'a> {
    /// How it came.
    pub transport: &'static str,
    /// `query`, `mutation`, `subscription`; none where it did not come so far.
    pub kind: Option<&'static str>,
    /// Its name, where the deployment knows the document.
    pub name: Option<&'a str>,
    /// `hit`, `miss`, `bypass`; none where nothing is kept of such operations.
    pub cache: Option<&'static str>,
    /// The code of the error that decides.
    pub code: Option<&'static str>,
    /// The limit that refused it.
    pub limit: Option<&'static str>,
    /// What it costs.
    pub cost: Option<u64>,
    /// How long it took.
    pub took: Duration,
}

impl Metrics {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, description: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        let counts = |name: &'static str, unit: &'static str, description: &'static str| {
            meter
                .u64_counter(name)
                .with_unit(unit)
                .with_description(description)
                .build()
        };
        let sizes = |name: &'static str, unit: &'static str, description: &'static str, bounds: &[f64]| {
            meter
                .u64_histogram(name)
                .with_unit(unit)
                .with_description(description)
                .with_boundaries(bounds.to_vec())
                .build()
        };
        Self(Arc::new(Instruments {
            active: AtomicI64::new(0),
            waiting: AtomicI64::new(0),
            http: seconds(
                "http.server.request.duration",
                "HTTP requests, until the head of the answer",
            ),
            graphql: seconds("zhibu.graphql.request.duration", "GraphQL operations"),
            cost: sizes(
                "zhibu.graphql.cost",
                "{cost}",
                "What operations cost, in the unit of graphql.cost",
                &COSTS,
            ),
            refused: counts(
                "zhibu.graphql.refused",
                "{request}",
                "Requests that a limit of documents refused",
            ),
            looked_up: counts(
                "zhibu.result_cache.lookups",
                "{request}",
                "Queries by whether a kept result answered them",
            ),
            statements: seconds("db.client.operation.duration", "Statements of the database"),
            batch_size: sizes(
                "zhibu.group_commit.size",
                "{write}",
                "Writes that shared a commit (SQLite)",
                &BATCHES,
            ),
            batch_seconds: seconds(
                "zhibu.group_commit.duration",
                "From the beginning of a shared transaction until it was durable (SQLite)",
            ),
            delivery: seconds(
                "zhibu.change_feed.delivery.duration",
                "From the writing of a change until readers of changes are offered it",
            ),
            delivered: counts(
                "zhibu.change_feed.rows",
                "{row}",
                "Changes that readers of changes were offered",
            ),
            points: counts(
                "zhibu.points.entries",
                "{entry}",
                "Entries of points that were pushed or pulled, by what became of them",
            ),
            pulls: counts("zhibu.pull.runs", "{run}", "Runs over a platform that have ended"),
        }))
    }

    /// A request that begins to be answered.
    pub fn begins(&self) {
        self.0.active.fetch_add(1, Ordering::Relaxed);
    }

    /// A request whose answer has begun, or that nobody waits for any more.
    pub fn ends(&self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests that are being answered.
    pub fn active(&self) -> i64 {
        self.0.active.load(Ordering::Relaxed)
    }

    /// A read begins to wait for a connection.
    pub fn waits(&self) {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A read has its connection, or has given up.
    pub fn waited(&self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Reads that wait for a connection.
    pub fn waiting(&self) -> i64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// A request was answered.
    pub fn answered(&self, answered: &Answered<'_>) {
        let method = KeyValue::new("http.request.method", answered.method);
        let status = KeyValue::new("http.response.status_code", i64::from(answered.status));
        let scheme = KeyValue::new("url.scheme", "http");
        let took = answered.took.as_secs_f64();
        match answered.route {
            Some(route) => {
                let route = KeyValue::new("http.route", route.to_owned());
                self.0.http.record(took, &[method, status, scheme, route]);
            }
            None => self.0.http.record(took, &[method, status, scheme]),
        }
    }

    /// An operation has ended.
    pub fn operation(&self, ended: &Ended<'_>) {
        let transport = KeyValue::new("network.protocol.name", ended.transport);
        let kind = KeyValue::new("graphql.operation.type", ended.kind.unwrap_or("none"));
        let cache = KeyValue::new("zhibu.cache", ended.cache.unwrap_or("none"));
        let code = KeyValue::new("zhibu.error.code", ended.code.unwrap_or("none"));
        let took = ended.took.as_secs_f64();
        match ended.name {
            Some(name) => {
                let name = KeyValue::new("graphql.operation.name", name.to_owned());
                self.0
                    .graphql
                    .record(took, &[transport, kind.clone(), cache.clone(), code, name]);
            }
            None => self
                .0
                .graphql
                .record(took, &[transport, kind.clone(), cache.clone(), code]),
        }
        if let Some(cost) = ended.cost {
            self.0.cost.record(cost, &[kind]);
        }
        if ended.cache.is_some() {
            self.0.looked_up.add(1, &[cache]);
        }
        if let Some(limit) = ended.limit {
            self.0.refused.add(1, &[KeyValue::new("zhibu.limit", limit)]);
        }
    }

    /// A statement has ended. `system` and `operation` are OpenTelemetry's `db.system.name` and `db.operation.name`.
    pub fn statement(&self, system: &'static str, operation: &'static str, took: Duration, failed: bool) {
        let system = KeyValue::new("db.system.name", system);
        let operation = KeyValue::new("db.operation.name", operation);
        let took = took.as_secs_f64();
        match failed {
            false => self.0.statements.record(took, &[system, operation]),
            true => {
                let error = KeyValue::new("error.type", "_OTHER");
                self.0.statements.record(took, &[system, operation, error]);
            }
        }
    }

    /// Writes have shared a commit; `failed`: none of them is written, or nobody knows.
    pub fn group_commit(&self, writes: usize, took: Duration, failed: bool) {
        let error = failed.then(|| KeyValue::new("error.type", "_OTHER"));
        self.0.batch_size.record(writes as u64, error.as_slice());
        self.0.batch_seconds.record(took.as_secs_f64(), error.as_slice());
    }

    /// Readers of changes are offered a row, so long after it was written.
    pub fn delivered(&self, lag: Duration) {
        self.0.delivery.record(lag.as_secs_f64(), &[]);
        self.0.delivered.add(1, &[]);
    }

    pub(super) fn pushed(&self, source: &str, accepted: u64, duplicate: u64, quarantined: u64) {
        let source = KeyValue::new("zhibu.source", source.to_owned());
        for (outcome, count) in [
            ("accepted", accepted),
            ("duplicate", duplicate),
            ("quarantined", quarantined),
        ] {
            if count > 0 {
                let outcome = KeyValue::new("zhibu.outcome", outcome);
                self.0.points.add(count, &[source.clone(), outcome]);
            }
        }
    }

    pub(super) fn pulled(&self, source: &str, outcome: &'static str) {
        let source = KeyValue::new("zhibu.source", source.to_owned());
        self.0
            .pulls
            .add(1, &[source, KeyValue::new("zhibu.outcome", outcome)]);
    }
}

/// `db.operation.name` of a statement: the word it begins with, where that is one of those we write.
pub fn operation_of(sql: &str) -> &'static str {
    let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next();
    let first = first.unwrap_or_default();
    // A common table expression leads into one of the others, mostly into a SELECT.
    let known = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"];
    let found = known.into_iter().find(|known| known.eq_ignore_ascii_case(first));
    found.unwrap_or("_OTHER")
}
