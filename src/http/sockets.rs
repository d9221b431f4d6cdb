//! All sockets and event streams of a process: how many there are, whose they are, and when they are to go.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::admission::{Account, Share, Shares};
use crate::kernel::clock::{Clock, pause};

/// How often a socket looks at the clock.
const CLOCK: Duration = Duration::from_secs(5);

/// What a deployment may set about sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a peer may take to initialise.
    pub init_timeout: Duration,
    /// How often a peer is pinged.
    pub beat: Duration,
    /// How long a peer may take to take what is sent to it.
    pub write_timeout: Duration,
    /// Operations of one socket at once.
    pub operations: usize,
    /// Sockets and event streams of one caller at once; who has no token is its address.
    pub sockets_per_caller: usize,
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Over how long sockets are closed when the service stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(10),
            beat: Duration::from_secs(25),
            write_timeout: Duration::from_secs(10),
            operations: 100,
            sockets_per_caller: 20_000,
            message_bytes: 1024 * 1024,
            drain: Duration::from_secs(5),
        }
    }
}

/// All sockets of a process.
#[derive(Clone)]
pub struct Sockets {
    pub(super) inner: Arc<Inner>,
}

/// Counted among its caller's sockets until it is dropped.
pub(super) type OfCaller = Share<Account>;

pub(super) struct Inner {
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// Sockets and streams.
    open: watch::Sender<usize>,
    /// Streams among them.
    streams: AtomicUsize,
    by_caller: Shares<Account>,
    draining: watch::Receiver<bool>,
}

impl Sockets {
    /// None yet; they are closed when `draining` turns true.
    pub fn new(limits: Limits, clock: Clock, draining: watch::Receiver<bool>) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                clock,
                open: watch::Sender::new(0),
                streams: AtomicUsize::new(0),
                by_caller: Shares::new(limits.sockets_per_caller),
                draining,
            }),
        }
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        *self.inner.open.borrow()
    }

    /// How many of them are event streams.
    pub fn streams(&self) -> usize {
        self.inner.streams.load(Ordering::Relaxed)
    }

    /// How long a peer may take to take what is sent to it.
    pub fn write_timeout(&self) -> Duration {
        self.inner.limits.write_timeout
    }

    /// When a caller's stream is to be cut off: when its token ends, or the service stops. It counts as a socket until then; None
    /// where the caller has as many as it may have.
    pub fn until(
        &self,
        caller: &Account,
        expires_at: Option<DateTime<Utc>>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let inner = self.inner.clone();
        let counted = (inner.opens(), inner.enter(caller)?, Stream::begins(&inner));
        Some(async move {
            let _counted = counted;
            tokio::select! {
                () = passed(&inner.clock, expires_at) => {}
                () = inner.drained() => {}
            }
        })
    }

    /// Ends when none is open, and no stream.
    pub async fn gone(&self) {
        let mut open = self.inner.open.subscribe();
        // Its sender lives as long as this does.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Whether new ones are taken.
    pub fn is_draining(&self) -> bool {
        *self.inner.draining.borrow()
    }
}

/// Counted among streams until it is dropped.
struct Stream(Arc<Inner>);

impl Stream {
    fn begins(sockets: &Arc<Inner>) -> Self {
        sockets.streams.fetch_add(1, Ordering::Relaxed);
        Self(sockets.clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counted among what is open until it is dropped.
pub(super) struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

impl Inner {
    pub(super) fn opens(self: &Arc<Self>) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.clone())
    }

    /// Ends some time after the service was asked to stop: clients that all come again at once would be a flood.
    pub(super) async fn drained(&self) {
        let mut draining = self.draining.clone();
        // Its sender gone, nobody will ask.
        if draining.wait_for(|draining| *draining).await.is_err() {
            std::future::pending::<()>().await;
        }
        let share = RandomState::new().hash_one(0) % 1000;
        pause(self.limits.drain.mul_f64(share as f64 / 1000.0)).await;
    }

    /// None where the caller has as many as it may have.
    pub(super) fn enter(&self, caller: &Account) -> Option<OfCaller> {
        self.by_caller.take(caller, 1)
    }
}

/// Ends when an instant has passed by the service's own clock, which is looked at every few seconds; never where there is none.
pub(super) async fn passed(clock: &Clock, at: Option<DateTime<Utc>>) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    while let Ok(left) = (at - clock.machine()).to_std()
        && !left.is_zero()
    {
        pause(left.min(CLOCK)).await;
    }
}
