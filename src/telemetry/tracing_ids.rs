//! Ids of traces and spans, from the process's own generator.

use std::sync::{Mutex, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::IdGenerator;
use rand::RngExt as _;
use rand_chacha::ChaCha20Rng;

/// Makes ids (W3C Trace Context, 2.2.2: random, never all zeros).
pub(super) struct Ids(Mutex<ChaCha20Rng>);

impl Ids {
    pub(super) fn new(rng: ChaCha20Rng) -> Self {
        Self(Mutex::new(rng))
    }
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        TraceId::from(rng.random::<u128>().max(1))
    }

    fn new_span_id(&self) -> SpanId {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SpanId::from(rng.random::<u64>().max(1))
    }
}
