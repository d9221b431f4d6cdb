//! Whole results of queries, as bytes, for as long as nothing that they depend on has moved.
//!
//! A result is kept under the version of what it depends on, taken before it was read: nothing older is ever found under a
//! newer version, and what has moved is not found any more and makes room in its time.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use chrono::NaiveDate;
use futures_util::future::BoxFuture;
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{Dependencies, ReadKey};
use crate::{
    graphql::Executed,
    kernel::{clock::day_in_shanghai, gzip},
    storage::Database,
};

/// How long those who ask for what has just failed try each for themselves, instead of one after another.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What is worth packing here: below it fits a packet or two, above it packing would hold a worker up.
const PACKED: std::ops::RangeInclusive<usize> = 1400..=256 * 1024;

/// A result that is kept.
#[derive(Debug)]
pub struct Answer {
    /// The response, serialized.
    pub body: Bytes,
    /// Its validator (RFC 9110, section 8.8.3), in quotes; weak, for the packed form has it too.
    pub etag: String,
    packed: OnceLock<Option<Bytes>>,
}

impl Answer {
    fn new(body: Vec<u8>) -> Self {
        let hash = Sha256::digest(&body);
        let (half, _) = hash.split_at(16);
        Self {
            etag: format!("W/\"{}\"", hex::encode(half)),
            body: body.into(),
            packed: OnceLock::new(),
        }
    }

    /// The body packed with gzip (RFC 1952), where that saves half of it: packed once, and kept beside it.
    pub fn packed(&self) -> Option<Bytes> {
        let is_worth_it = PACKED.contains(&self.body.len());
        is_worth_it
            .then(|| self.packed.get_or_init(|| gzip::packed(&self.body)).clone())
            .flatten()
    }

    fn weight(&self) -> u64 {
        let packed = match PACKED.contains(&self.body.len()) {
            true => self.body.len() / 2,
            false => 0,
        };
        // With its key, its validator and the map's own.
        (self.body.len() + packed) as u64 + 256
    }
}

/// What is found in a place.
#[derive(Clone, Debug)]
enum Kept {
    Answer(Arc<Answer>),
    /// It was tried, and had errors.
    Failed(Instant),
}

/// What is known of a read's result.
#[derive(Debug)]
pub enum Looked {
    /// It is kept.
    Kept(Arc<Answer>),
    /// It is to be kept there.
    Missing(Place),
    /// Nobody knows whether what is kept is fresh.
    Unknown,
}

/// Where a result comes from.
#[derive(Debug)]
pub enum Found {
    /// It was kept.
    Kept(Arc<Answer>),
    /// It was made now, and is kept.
    Made(Arc<Answer>),
    /// It was made now, and is not kept: it has errors.
    Passed(Executed),
}

/// Where a result is kept: found there only while nothing that it depends on has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    key: ReadKey,
    version: u64,
    /// The business date: what is due is another thing tomorrow.
    today: NaiveDate,
}

/// The results.
pub struct Results {
    database: Database,
    kept: Cache<Place, Kept, ByBytes>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Place, Kept> for ByBytes {
    fn weight(&self, _: &Place, kept: &Kept) -> u64 {
        match kept {
            Kept::Answer(answer) => answer.weight(),
            Kept::Failed(_) => 128,
        }
    }
}

impl Results {
    /// For at most so many bytes.
    pub fn new(database: Database, bytes: u64) -> Self {
        // A guess at how many there will be, which it grows beyond.
        let items = usize::try_from(bytes / 4096).unwrap_or(usize::MAX).max(16);
        Self {
            database,
            kept: Cache::with_weighter(items, bytes, ByBytes),
        }
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    /// How many are held.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// Looks for the result of a read.
    pub fn look_up(&self, key: ReadKey, depends_on: &Dependencies) -> Looked {
        let clock = self.database.clock();
        let log = self.database.log();
        if !log.is_current(clock.machine()) {
            return Looked::Unknown;
        }
        let place = Place {
            key,
            // Before it reads.
            version: log.freshness().version(depends_on),
            today: day_in_shanghai(clock.business()),
        };
        match self.kept.get(&place) {
            Some(Kept::Answer(answer)) => Looked::Kept(answer),
            Some(Kept::Failed(_)) | None => Looked::Missing(place),
        }
    }

    /// Makes a result that is missing and keeps it; of those who ask at once one does, unless that has just failed.
    pub async fn make<'a>(&self, place: Place, run: impl FnOnce() -> BoxFuture<'a, Executed>) -> Found {
        make(&self.kept, place, Instant::now, run).await
    }
}

async fn make<'a>(
    kept: &Cache<Place, Kept, ByBytes>,
    place: Place,
    now: impl Fn() -> Instant,
    run: impl FnOnce() -> BoxFuture<'a, Executed>,
) -> Found {
    let guard = loop {
        match kept.get_value_or_guard_async(&place).await {
            Ok(Kept::Answer(answer)) => return Found::Kept(answer),
            Ok(Kept::Failed(at)) if now() < at + AFTER_FAILURE => return Found::Passed(run().await),
            Ok(Kept::Failed(_)) => {
                kept.remove_if(&place, |kept| matches!(kept, Kept::Failed(_)));
            }
            Err(guard) => break guard,
        }
    };
    let executed = run().await;
    let body = executed
        .errors()
        .is_empty()
        .then(|| serde_json::to_vec(&executed));
    let Some(Ok(body)) = body else {
        let _ = guard.insert(Kept::Failed(now()));
        return Found::Passed(executed);
    };
    let answer = Arc::new(Answer::new(body));
    // Full, or gone meanwhile: it is answered all the same.
    let _ = guard.insert(Kept::Answer(answer.clone()));
    Found::Made(answer)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::OperationType;
    use futures_util::FutureExt as _;
    use tokio::sync::Barrier;

    use super::*;
    use crate::{
        graphql::{ApiError, error::Renderer},
        kernel::message::Lang,
    };

    const RENDERER: Renderer<'static> = Renderer {
        lang: Lang::En,
        request_id: "",
        role: None,
        operation: None,
    };

    fn failed() -> Executed {
        Executed::error(ApiError::timeout(), None, &RENDERER)
    }

    fn made() -> Executed {
        let response = async_graphql::Response::new(async_graphql::Value::Null);
        Executed::response(response, OperationType::Query, &RENDERER)
    }

    #[tokio::test]
    async fn those_who_ask_for_what_has_failed_do_not_wait_for_each_other() {
        let kept = Cache::with_weighter(16, 1 << 20, ByBytes);
        let place = Place {
            key: ReadKey::of_nothing(),
            version: 1,
            today: NaiveDate::default(),
        };
        let clock = std::sync::Mutex::new(Instant::now());
        let now = || *clock.lock().unwrap();
        let pass = |length| *clock.lock().unwrap() += length;
        let passed = |found| matches!(found, Found::Passed(_));
        // It takes longer to fail than a failure is remembered.
        let slowly = || {
            async {
                pass(AFTER_FAILURE * 3);
                failed()
            }
            .boxed()
        };
        assert!(passed(make(&kept, place, now, slowly).await));
        // Each waits for the other: one after another would wait for ever.
        let both = Barrier::new(2);
        let run = || {
            async {
                both.wait().await;
                failed()
            }
            .boxed()
        };
        let (one, other) = tokio::join!(make(&kept, place, now, run), make(&kept, place, now, run));
        assert!(passed(one) && passed(other));
        pass(AFTER_FAILURE);
        // Then one tries for all of them again.
        let tried = std::sync::atomic::AtomicU64::new(0);
        let run = || {
            async {
                tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                tokio::task::yield_now().await;
                made()
            }
            .boxed()
        };
        let (one, other) = tokio::join!(make(&kept, place, now, run), make(&kept, place, now, run));
        assert!(matches!((one, other), (Found::Made(_), Found::Kept(_))));
        assert_eq!(tried.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}
