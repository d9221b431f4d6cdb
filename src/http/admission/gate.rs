//! How many requests are worked on at once.
//!
//! A service that works on everything at once answers nothing soon. Beyond a number of requests others wait for a moment, a
//! number of them, and whoever comes then is turned away at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::graphql::ApiError;

/// When a request that was turned away is to come back, in seconds.
const RETRY_AFTER: u32 = 1;

/// What a deployment may set about a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateOptions {
    /// Requests that are worked on at once.
    pub at_once: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// How long one waits.
    pub patience: Duration,
}

/// Lets so many in at once.
pub struct Gate {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    options: GateOptions,
}

/// A request that was let in; the next one is when this is dropped.
#[derive(Debug)]
pub struct Pass(#[expect(dead_code, reason = "it is held, not read")] OwnedSemaphorePermit);

impl Gate {
    /// As many as there can be.
    pub const MOST: usize = Semaphore::MAX_PERMITS;

    /// An open one.
    pub fn new(options: GateOptions) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(options.at_once.min(Self::MOST))),
            waiting: AtomicUsize::new(0),
            options,
        }
    }

    /// Lets one in, at once or when it is its turn; in the order in which they came.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE where too many wait, or its turn did not come in time.
    pub async fn enter(&self) -> Result<Pass, ApiError> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Ok(Pass(slot));
        }
        let _waits = Waits::begin(&self.waiting, self.options.waiting).ok_or_else(busy)?;
        let turn = self.slots.clone().acquire_owned();
        match tokio::time::timeout(self.options.patience, turn).await {
            Ok(Ok(slot)) => Ok(Pass(slot)),
            // Nobody closes it.
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Lets one in when it is its turn, however long that takes: who waits so sends no more meanwhile.
    pub async fn enter_in_turn(&self) -> Option<Pass> {
        // Nobody closes it.
        self.slots.clone().acquire_owned().await.ok().map(Pass)
    }
}

pub(super) fn busy() -> ApiError {
    ApiError::unavailable(RETRY_AFTER)
}

/// Counted among those that wait until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    /// None where as many wait as may.
    fn begin(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Self(waiting);
        (before < most).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::ErrorCode;

    fn gate(at_once: usize, waiting: usize, patience: Duration) -> Arc<Gate> {
        Arc::new(Gate::new(GateOptions {
            at_once,
            waiting,
            patience,
        }))
    }

    #[tokio::test]
    async fn so_many_are_let_in_so_many_wait_and_the_others_are_turned_away() {
        let gate = gate(2, 1, Duration::MAX);
        let (first, second) = (gate.enter().await.unwrap(), gate.enter().await.unwrap());
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await }
        });
        tokio::task::yield_now().await;
        // Had it waited, it would wait for ever.
        let turned_away = gate.enter().await.unwrap_err();
        assert_eq!(turned_away.code(), ErrorCode::Unavailable);
        assert_eq!(turned_away.retry_after(), Some(1));
        drop(first);
        let third = waiting.await.unwrap().unwrap();
        drop((second, third));
        assert!(gate.enter().await.is_ok());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn whose_turn_does_not_come_in_time_is_turned_away() {
        let gate = gate(1, 5, Duration::from_millis(1));
        let _held = gate.enter().await.unwrap();
        assert!(gate.enter().await.is_err());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_leaves_its_place() {
        let gate = gate(1, 1, Duration::MAX);
        let held = gate.enter().await.unwrap();
        let waits = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        drop(held);
        assert!(gate.enter().await.is_ok());
    }
}
