//! `[load]`, `[rate]` and `[cors]`: who is let in, and how much of it.

use std::{num::NonZeroU32, time::Duration};

use http::{HeaderValue, Uri};

use super::{
    reader::Reader,
    sections::{LONGEST_WAIT, SHORTEST_WAIT, WAIT},
};
use crate::http::admission::{GateOptions, Options, RateOptions};

/// Requests that each processor works on at once, unless set: some of them wait for the database.
const REQUESTS_PER_PROCESSOR: usize = 16;

/// Deliveries of points at once, unless set.
const PUSHES: u32 = 64;

/// Requests that wait for each that is worked on, unless set.
const WAITING_PER_REQUEST: usize = 4;

/// `[load]`: how much is worked on at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSection {
    /// Requests at once; 16 a processor where none.
    pub requests: Option<u32>,
    /// Requests that wait; four times as many where none.
    pub waiting: Option<u32>,
    /// How long one waits before it is turned away.
    pub patience: Duration,
    /// Deliveries of points at once; None: 64, and on PostgreSQL no more than half of its connections.
    pub pushes: Option<u32>,
    /// How long a delivery waits.
    pub push_patience: Duration,
    /// Bytes of bodies that are held at once.
    pub body_bytes: u32,
}

impl Default for LoadSection {
    fn default() -> Self {
        Self {
            requests: None,
            waiting: None,
            patience: Duration::from_millis(250),
            pushes: None,
            push_patience: Duration::from_secs(5),
            body_bytes: 256 * 1024 * 1024,
        }
    }
}

impl LoadSection {
    /// `body`: bytes of the largest body of a request.
    pub(super) fn read(reader: &mut Reader, body: u32) -> Self {
        let default = Self::default();
        let mut count = |key| reader.get_within(key, 1..=1_000_000, "between 1 and 1000000");
        let (requests, waiting) = (count("load.requests"), count("load.waiting"));
        let pushes = count("load.pushes");
        // So that one caller's quarter holds the largest body there is.
        let body_bytes = reader
            .get_within(
                "load.body_bytes",
                16_777_216..=u32::MAX,
                "between 16777216 and 4294967295",
            )
            .unwrap_or(default.body_bytes);
        if body_bytes / 4 < body {
            reader.fault(
                &["load.body_bytes", "graphql.body_bytes"],
                "load.body_bytes must not be below four times graphql.body_bytes: one caller has a quarter of it",
            );
        }
        let mut wait = |key, default| {
            let given = reader.get_within(key, SHORTEST_WAIT..=LONGEST_WAIT, WAIT);
            given.unwrap_or(default)
        };
        Self {
            requests,
            waiting,
            patience: wait("load.patience", default.patience),
            pushes,
            push_patience: wait("load.push_patience", default.push_patience),
            body_bytes,
        }
    }

    /// What lets requests in, on so many processors, over so many connections to a database (None: it needs none).
    pub fn admission(&self, rate: &RateSection, processors: usize, connections: Option<u32>) -> Options {
        let requests = self
            .requests
            .map_or(REQUESTS_PER_PROCESSOR * processors, |n| n as usize);
        let waiting = self
            .waiting
            .map_or(WAITING_PER_REQUEST * requests, |n| n as usize);
        // What is let in must not wait so long for a connection that it fails; half of them are for those who read.
        let most = connections.map_or(PUSHES, |connections| (connections / 2).clamp(1, PUSHES));
        let pushes = self.pushes.unwrap_or(most) as usize;
        Options {
            rate: rate.options(),
            requests: GateOptions {
                at_once: requests,
                waiting,
                patience: self.patience,
            },
            pushes: GateOptions {
                at_once: pushes,
                waiting: WAITING_PER_REQUEST * pushes,
                patience: self.push_patience,
            },
            body_bytes: usize::try_from(self.body_bytes).unwrap_or(usize::MAX),
        }
    }
}

/// `[rate]`: what a caller may use up, in units of cost as the document guard counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSection {
    /// At once, after it has been quiet.
    pub burst: u32,
    /// A second; 0: as much as it likes.
    pub per_second: u32,
}

impl Default for RateSection {
    fn default() -> Self {
        Self {
            burst: 1_000_000,
            per_second: 100_000,
        }
    }
}

impl RateSection {
    pub(super) fn read(reader: &mut Reader, most_cost: u64) -> Self {
        let default = Self::default();
        let section = Self {
            burst: reader
                .get_within("rate.burst", 1.., "at least 1")
                .unwrap_or(default.burst),
            per_second: reader
                .get_within(
                    "rate.per_second",
                    ..=1_000_000_000,
                    "at most 1000000000; 0 for no limit",
                )
                .unwrap_or(default.per_second),
        };
        if section.per_second > 0 && u64::from(section.burst) < most_cost {
            reader.fault(
                &["rate.burst", "graphql.cost"],
                "rate.burst must not be below graphql.cost: a document could never be asked",
            );
        }
        section
    }

    /// None: no limit.
    pub fn options(&self) -> Option<RateOptions> {
        Some(RateOptions {
            burst: NonZeroU32::new(self.burst)?,
            per_second: NonZeroU32::new(self.per_second)?,
        })
    }
}

/// `[cors]`: pages of other origins that may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSection {
    /// Their origins.
    pub origins: Vec<HeaderValue>,
    /// Every origin.
    pub any_origin: bool,
}

impl CorsSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let origins = reader.get_checked("cors.origins", |origins: &Vec<String>| {
            match origins
                .iter()
                .find(|origin| *origin != "*" && origin_of(origin).is_none())
            {
                None => Ok(()),
                Some(_) => Err(
                    "must be origins such as \"https://wall.example.org\", without a path, or \"*\""
                        .to_owned(),
                ),
            }
        });
        let origins = origins.unwrap_or_default();
        Self {
            any_origin: origins.iter().any(|origin| origin == "*"),
            origins: origins.iter().filter_map(|origin| origin_of(origin)).collect(),
        }
    }
}

/// An origin as browsers write it (RFC 6454, section 6.2).
fn origin_of(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_plain = matches!(scheme, "http" | "https") && format!("{scheme}://{authority}") == text;
    (is_plain && text == text.to_lowercase() && !text.contains('@'))
        .then(|| HeaderValue::from_str(text).ok())
        .flatten()
}
