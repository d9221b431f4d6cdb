//! The `Idempotency-Key` of a request, and what came of it.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the key met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Replay {
    /// Nothing: the mutation ran, or has not yet.
    Fresh,
    /// The outcome of an earlier request.
    Replayed,
    /// The first request, still running.
    InFlight,
    /// An earlier request with another body.
    OtherBody,
}

/// In the data of a request that came with a key.
#[derive(Debug)]
pub struct Idempotency {
    key: String,
    body_hash: [u8; 32],
    replay: AtomicU8,
}

impl Idempotency {
    /// A key with the SHA-256 of its request.
    pub fn new(key: String, body_hash: [u8; 32]) -> Self {
        Self {
            key,
            body_hash,
            replay: AtomicU8::new(Replay::Fresh as u8),
        }
    }

    /// The key as it was sent.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// SHA-256 of document, operation name and variables.
    pub fn body_hash(&self) -> &[u8; 32] {
        &self.body_hash
    }

    /// Says what the key met; the transport answers accordingly.
    pub fn report(&self, replay: Replay) {
        self.replay.store(replay as u8, Ordering::Release);
    }

    /// What the key met.
    pub fn replay(&self) -> Replay {
        match self.replay.load(Ordering::Acquire) {
            1 => Replay::Replayed,
            2 => Replay::InFlight,
            3 => Replay::OtherBody,
            _ => Replay::Fresh,
        }
    }
}
