//! `[live]`: subscriptions, sockets and event streams.

use std::time::Duration;

use super::reader::Reader;
use crate::{http::sockets::Limits, live::WINDOW};

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(3600);
const WAIT: &str = "between \"1ms\" and \"1h\"";

/// `[live]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSection {
    /// Changes that a live reader of `changes` may be behind before it is SLOW_CONSUMER.
    pub window: usize,
    /// How long such a reader may keep a change waiting before that counts; what comes faster than it can be told does not.
    pub patience: Duration,
    /// The least time from one telling of a value to the next.
    pub interval: Duration,
    /// Bytes that kept results of queries may take.
    pub result_memory: u64,
    /// What sockets are held to.
    pub sockets: Limits,
}

impl Default for LiveSection {
    fn default() -> Self {
        Self {
            window: WINDOW,
            patience: Duration::from_secs(2),
            interval: Duration::from_millis(100),
            result_memory: 32 * 1024 * 1024,
            sockets: Limits::default(),
        }
    }
}

impl LiveSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let sockets = default.sockets;
        let mut wait = |key: &str, default: Duration| {
            let given = reader.get_within(key, SHORTEST..=LONGEST, WAIT);
            given.unwrap_or(default)
        };
        let patience = wait("live.patience", default.patience);
        let interval = wait("live.interval", default.interval);
        let init_timeout = wait("live.init_timeout", sockets.init_timeout);
        let beat = wait("live.ping_interval", sockets.beat);
        let write_timeout = wait("live.write_timeout", sockets.write_timeout);
        let drain = wait("live.drain", sockets.drain);
        let mut count = |key: &str, most: u32, default: usize| {
            let given = reader.get_within(key, 1..=most, format!("between 1 and {most}"));
            given.map_or(default, |given: u32| given as usize)
        };
        let result_memory = count("live.result_memory_mib", 1_000_000, 32);
        Self {
            result_memory: result_memory as u64 * 1024 * 1024,
            window: count("live.window", 1_000_000, default.window),
            patience,
            interval,
            sockets: Limits {
                init_timeout,
                beat,
                write_timeout,
                operations: count("live.operations_per_socket", 10_000, sockets.operations),
                sockets_per_caller: count("live.sockets_per_caller", 1_000_000, sockets.sockets_per_caller),
                message_bytes: count("live.message_bytes", 64 * 1024 * 1024, sockets.message_bytes).max(1024),
                drain,
            },
        }
    }
}
