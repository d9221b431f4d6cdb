//! How much of what callers send is held at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Account, Share, Shares};

/// What one caller may hold of all there is.
const SHARE: usize = 4;

/// Bytes that are counted as one: a semaphore counts to `u32`.
const BLOCK: usize = 1024;

/// Room for bodies.
pub struct Bodies {
    all: Arc<Semaphore>,
    by_caller: Shares<Account>,
}

/// Room that is taken.
pub struct Held {
    _share: Share<Account>,
    _permit: OwnedSemaphorePermit,
}

impl Bodies {
    /// For so many bytes; of these a quarter for one caller.
    pub fn new(bytes: usize) -> Self {
        let blocks = (bytes / BLOCK).min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(blocks)),
            by_caller: Shares::new((blocks / SHARE).max(1)),
        }
    }

    /// Takes room; None where there is not enough.
    pub fn hold(&self, caller: &Account, bytes: usize) -> Option<Held> {
        let blocks = bytes.div_ceil(BLOCK).max(1);
        let share = self.by_caller.take(caller, blocks)?;
        let blocks = u32::try_from(blocks).ok()?;
        let permit = self.all.clone().try_acquire_many_owned(blocks).ok()?;
        Some(Held {
            _share: share,
            _permit: permit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn one_caller_does_not_take_it_all_and_all_do_not_take_more() {
        let bodies = Bodies::new(8 * 1024);
        let caller = |n: u8| Account::at(Some(Ipv4Addr::new(10, 0, 0, n).into()));
        let first = bodies.hold(&caller(1), 1500).unwrap();
        assert!(bodies.hold(&caller(1), 1).is_none(), "a quarter is its");
        let others: Vec<_> = (2..5).map(|n| bodies.hold(&caller(n), 2048).unwrap()).collect();
        assert!(bodies.hold(&caller(5), 1).is_none(), "there is no more");
        drop(first);
        assert!(bodies.hold(&caller(5), 2048).is_some());
        drop(others);
        assert!(bodies.hold(&caller(6), 4096).is_none());
    }
}
