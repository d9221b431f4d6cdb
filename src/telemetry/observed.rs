//! One request or operation while it runs, and what is told of it when it has ended: figures, a trace, a line in the log.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceState, Tracer as _,
    },
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::Span};

use super::{Spent, Telemetry, instruments::Ended};

/// The longest name of an operation that is told of: it is the caller's text.
const LONGEST_NAME: usize = 64;

/// How an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A request and an answer.
    Http,
    /// graphql-transport-ws.
    WebSocket,
    /// graphql-sse.
    EventStream,
    /// A stream of points.
    Platform,
    /// Something that the service does by itself.
    Job,
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::EventStream => "sse",
            Self::Platform => "platform",
            Self::Job => "job",
        }
    }
}

/// What a GraphQL operation is.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// `query`, `mutation` or `subscription`.
    pub kind: &'static str,
    /// The name that the caller gave it.
    pub name: Option<&'a str>,
    /// The same, where the deployment knows the document: figures are told by it.
    pub known_name: Option<&'a str>,
    /// The SHA-256 of the document.
    pub document: &'a [u8; 32],
    /// What it costs.
    pub cost: u64,
}

/// One request or operation while it runs. Where nobody watches it is nothing, and so is all that is done with it.
#[derive(Clone, Default)]
pub struct Observed(Option<Arc<Running>>);

struct Running {
    telemetry: Telemetry,
    transport: Transport,
    request_id: Box<str>,
    at: SystemTime,
    began: Instant,
    /// What spans of its parts belong to; None where it is not traced.
    trace: Option<SpanContext>,
    spent: Arc<Spent>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    span: Option<Span>,
    ended: bool,
    method: Option<&'static str>,
    route: Option<Box<str>>,
    status: Option<u16>,
    role: Option<&'static str>,
    is_graphql: bool,
    kind: Option<&'static str>,
    name: Option<Box<str>>,
    known_name: Option<Box<str>>,
    document: Option<String>,
    cost: Option<u64>,
    cache: Option<&'static str>,
    code: Option<&'static str>,
    limit: Option<&'static str>,
    more: Vec<KeyValue>,
}

impl Telemetry {
    /// A request or operation that begins now. `headers`: where the caller's `traceparent` stands, which is followed where the
    /// deployment trusts it; its `tracestate` is not, for it is free text, and exporters hand it on.
    pub fn begin(
        &self,
        transport: Transport,
        name: &'static str,
        request_id: &str,
        headers: Option<&http::HeaderMap>,
    ) -> Observed {
        let parent = match headers.filter(|_| self.0.trust_parent) {
            Some(headers) => {
                use opentelemetry::propagation::TextMapPropagator as _;
                let headers = opentelemetry_http::HeaderExtractor(headers);
                let theirs = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
                let span = theirs.span();
                let theirs = span.span_context();
                let (trace, parent, flags) = (theirs.trace_id(), theirs.span_id(), theirs.trace_flags());
                let ours = SpanContext::new(trace, parent, flags, true, TraceState::NONE);
                Context::new().with_remote_span_context(ours)
            }
            None => Context::new(),
        };
        self.begin_below(transport, name, request_id, &parent)
    }

    fn begin_below(
        &self,
        transport: Transport,
        name: &'static str,
        request_id: &str,
        parent: &Context,
    ) -> Observed {
        let at = self.now();
        let span = self.0.tracer.as_ref().and_then(|tracer| {
            let kind = match transport {
                Transport::Job => SpanKind::Internal,
                _ => SpanKind::Server,
            };
            let builder = SpanBuilder::from_name(name).with_kind(kind).with_start_time(at);
            let span = tracer.build_with_context(builder, parent);
            span.is_recording().then_some(span)
        });
        Observed(Some(Arc::new(Running {
            telemetry: self.clone(),
            transport,
            request_id: request_id.into(),
            at,
            began: Instant::now(),
            trace: span.as_ref().map(|span| span.span_context().clone()),
            spent: Arc::default(),
            facts: Mutex::new(Facts {
                span,
                ..Facts::default()
            }),
        })))
    }
}

impl Observed {
    /// An operation that is part of this request and goes on after its answer has begun.
    pub fn begin(&self, transport: Transport, name: &'static str, request_id: &str) -> Self {
        let Some(running) = &self.0 else {
            return Self::default();
        };
        let parent = match &running.trace {
            Some(trace) => Context::new().with_remote_span_context(trace.clone()),
            None => Context::new(),
        };
        running
            .telemetry
            .begin_below(transport, name, request_id, &parent)
    }

    /// Now, where it matters to anybody.
    pub fn now(&self) -> Option<Instant> {
        self.0.as_ref().map(|_| Instant::now())
    }

    /// Where what it spends in the database is added up.
    pub fn spent(&self) -> Option<Arc<Spent>> {
        self.0.as_ref().map(|running| running.spent.clone())
    }

    /// The HTTP request that it is.
    pub fn request(&self, method: &'static str, route: Option<&str>) {
        self.note(|facts| {
            facts.method = Some(method);
            facts.route = route.map(Box::from);
        });
    }

    /// The caller's role.
    pub fn role(&self, role: Option<&'static str>) {
        self.note(|facts| {
            facts.is_graphql = true;
            facts.role = role;
        });
    }

    /// What it means, since `began`.
    pub fn prepared(&self, operation: &Operation<'_>, began: Option<Instant>) {
        self.note(|facts| {
            facts.is_graphql = true;
            facts.kind = Some(operation.kind);
            facts.name = operation.name.filter(|name| is_name(name)).map(Box::from);
            facts.known_name = operation.known_name.map(Box::from);
            facts.document = Some(hex::encode(operation.document));
            facts.cost = Some(operation.cost);
        });
        self.part("prepare", began);
    }

    /// What the kept results said: `hit`, `miss` or `bypass`.
    pub fn cache(&self, status: &'static str) {
        self.note(|facts| facts.cache = Some(status));
    }

    /// What went wrong: the code of the error that decides, and the limit that refused the document.
    pub fn failed(&self, code: Option<&'static str>, limit: Option<&'static str>) {
        self.note(|facts| {
            facts.is_graphql = true;
            facts.code = code.or(facts.code);
            facts.limit = limit.or(facts.limit);
        });
    }

    /// The same of what is no GraphQL operation.
    pub fn failed_otherwise(&self, code: &'static str) {
        self.note(|facts| facts.code = Some(code));
    }

    /// Something else to tell in the trace; never what callers send.
    pub fn tell(&self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.note(|facts| facts.more.push(KeyValue::new(key, value)));
    }

    /// A part of it that began then and has ended now.
    pub fn part(&self, name: &'static str, began: Option<Instant>) {
        if let Some(began) = began {
            self.span(name, began, Instant::now(), Vec::new());
        }
    }

    /// It was executed, beginning then: a part, with what it spent in the database.
    pub fn executed(&self, began: Option<Instant>) {
        let (Some(running), Some(began)) = (&self.0, began) else {
            return;
        };
        if running.trace.is_none() {
            return;
        }
        self.part("execute", Some(began));
        let sums = running.spent.sums();
        if let Some((first, last)) = sums.within {
            let told = vec![
                KeyValue::new("zhibu.db.statements", sums.statements.cast_signed()),
                KeyValue::new("zhibu.db.time", sums.busy.as_secs_f64()),
            ];
            self.span("database", first, last, told);
        }
        if let Some(commit) = sums.commit {
            let failed = commit.failed.then(|| KeyValue::new("error.type", "_OTHER"));
            self.span("commit", commit.began, commit.ended, Vec::from_iter(failed));
        }
    }

    /// It has ended.
    pub fn end(&self, status: Option<u16>) {
        if let Some(running) = &self.0 {
            running.end(status);
        }
    }

    fn span(&self, name: &'static str, began: Instant, ended: Instant, told: Vec<KeyValue>) {
        let Some(running) = &self.0 else { return };
        let (Some(trace), Some(tracer)) = (&running.trace, &running.telemetry.0.tracer) else {
            return;
        };
        let parent = Context::new().with_remote_span_context(trace.clone());
        let failed = told
            .iter()
            .any(|attribute| attribute.key.as_str() == "error.type");
        let builder = SpanBuilder::from_name(name)
            .with_start_time(running.instant(began))
            .with_attributes(told);
        let mut span = tracer.build_with_context(builder, &parent);
        if failed {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(running.instant(ended));
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        if let Some(running) = &self.0 {
            note(&mut running.facts());
        }
    }
}

impl Running {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instant by the service's own clock.
    fn instant(&self, at: Instant) -> SystemTime {
        self.at + at.saturating_duration_since(self.began)
    }

    fn end(&self, status: Option<u16>) {
        let mut facts = self.facts();
        if std::mem::replace(&mut facts.ended, true) {
            return;
        }
        facts.status = status;
        let took = self.began.elapsed();
        if facts.is_graphql
            && let Some(metrics) = self.telemetry.metrics()
        {
            metrics.operation(&Ended {
                transport: self.transport.as_str(),
                kind: facts.kind,
                name: facts.known_name.as_deref(),
                cache: facts.cache,
                code: facts.code,
                limit: facts.limit,
                cost: facts.cost,
                took,
            });
        }
        if let Some(span) = facts.span.take() {
            self.end_span(span, &mut facts, took);
        }
        if self.telemetry.0.log_requests && self.transport != Transport::Job {
            self.log(&facts, took);
        }
    }

    fn end_span(&self, mut span: Span, facts: &mut Facts, took: Duration) {
        // Few, and known: what callers name things is an attribute.
        match (facts.kind, facts.method, &facts.route) {
            (Some(kind), ..) => span.update_name(kind),
            (None, Some(method), Some(route)) => span.update_name(format!("{method} {route}")),
            _ => {}
        }
        let texts = [
            ("http.request.method", facts.method),
            ("graphql.operation.type", facts.kind),
            ("graphql.operation.name", facts.name.as_deref()),
            ("graphql.document.id", facts.document.as_deref()),
            ("http.route", facts.route.as_deref()),
            ("zhibu.cache", facts.cache),
            ("zhibu.role", facts.role),
            ("zhibu.error.code", facts.code),
            ("zhibu.limit", facts.limit),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                span.set_attribute(KeyValue::new(key, value.to_owned()));
            }
        }
        if !self.request_id.is_empty() {
            span.set_attribute(KeyValue::new("zhibu.request.id", self.request_id.to_string()));
        }
        span.set_attribute(KeyValue::new("network.protocol.name", self.transport.as_str()));
        if let Some(cost) = facts.cost {
            span.set_attribute(KeyValue::new("zhibu.graphql.cost", cost.cast_signed()));
        }
        if let Some(status) = facts.status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        span.set_attributes(facts.more.drain(..));
        let ours = matches!(facts.code, Some("INTERNAL" | "UNAVAILABLE" | "TIMEOUT"));
        if ours || facts.status.is_some_and(|status| status >= 500) {
            span.set_status(Status::error(facts.code.unwrap_or_default()));
        }
        span.end_with_timestamp(self.at + took);
    }

    fn log(&self, facts: &Facts, took: Duration) {
        tracing::info!(
            target: "zhibu::request",
            request_id = &*self.request_id,
            transport = self.transport.as_str(),
            method = facts.method,
            path = facts.route.as_deref(),
            status = facts.status,
            ms = took.as_micros() as f64 / 1000.0,
            role = facts.role,
            operation_type = facts.kind,
            operation = facts.name.as_deref(),
            document = facts.document.as_deref(),
            cost = facts.cost,
            cache = facts.cache,
            code = facts.code,
            "request"
        );
    }
}

impl Drop for Running {
    /// Nobody waited for it any more.
    fn drop(&mut self) {
        self.end(None);
    }
}

/// A name of GraphQL (October 2021, 2.1.9), and not a long one.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}
