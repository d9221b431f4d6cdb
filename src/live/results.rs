//! Whole results of queries, as bytes, for as long as nothing that they depend on has moved.
//!
//! A result is kept under the version of what it depends on, taken before it was read: nothing older is ever found under a
//! newer version, and what has moved is not found any more and makes room in its time.

use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest as _, Sha256};

use super::{Dependencies, ReadKey};
use crate::{graphql::Executed, kernel::clock::day_in_shanghai, storage::Database};

/// A result that is kept.
#[derive(Debug)]
pub struct Answer {
    /// The response, serialized.
    pub body: Bytes,
    /// Its strong validator (RFC 9110, section 8.8.3), in quotes.
    pub etag: String,
}

/// Where a result comes from.
#[derive(Debug)]
pub enum Found {
    /// It was kept.
    Kept(Arc<Answer>),
    /// It was made now, and is kept.
    Made(Arc<Answer>),
    /// It was made now, and is not kept: it has errors, or nobody knows whether it is fresh.
    Passed(Executed),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    key: ReadKey,
    version: u64,
    /// The business date: what is due is another thing tomorrow.
    today: NaiveDate,
}

/// The results.
pub struct Results {
    database: Database,
    kept: Cache<Place, Arc<Answer>, ByBytes>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Place, Arc<Answer>> for ByBytes {
    fn weight(&self, _: &Place, answer: &Arc<Answer>) -> u64 {
        // With its key, its validator and the map's own.
        answer.body.len() as u64 + 256
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

    /// The result of a read; `run` makes it where it is not kept. Of those who ask at once one makes it.
    pub async fn get(
        &self,
        key: ReadKey,
        depends_on: &Dependencies,
        run: impl Future<Output = Executed>,
    ) -> Found {
        let clock = self.database.clock();
        let log = self.database.log();
        if !log.is_current(clock.machine()) {
            return Found::Passed(run.await);
        }
        let place = Place {
            key,
            // Before it reads.
            version: log.freshness().version(depends_on),
            today: day_in_shanghai(clock.business()),
        };
        let guard = match self.kept.get_value_or_guard_async(&place).await {
            Ok(answer) => return Found::Kept(answer),
            Err(guard) => guard,
        };
        let executed = run.await;
        if !executed.errors().is_empty() {
            return Found::Passed(executed);
        }
        let Ok(body) = serde_json::to_vec(&executed) else {
            return Found::Passed(executed);
        };
        let hash = Sha256::digest(&body);
        let half = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
        let answer = Arc::new(Answer {
            etag: format!("\"{}\"", half.collect::<String>()),
            body: body.into(),
        });
        // Full, or gone meanwhile: it is answered all the same.
        let _ = guard.insert(answer.clone());
        Found::Made(answer)
    }
}
