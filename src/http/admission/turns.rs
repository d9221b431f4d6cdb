//! Places of which each of many has so many at once; who wants one more waits for one of its own, and stands in nobody's way.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of each.
pub struct Turns<K> {
    all: All<K>,
    each: usize,
}

type All<K> = Arc<Mutex<HashMap<K, Places>>>;

/// Those of one that has taken some, or waits.
struct Places {
    free: Arc<Semaphore>,
    /// How many have a place, or wait for one.
    asked: usize,
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// So many for each.
    pub fn new(each: usize) -> Self {
        Self {
            all: Arc::default(),
            each: each.clamp(1, Semaphore::MAX_PERMITS),
        }
    }

    /// A place when it is its turn among those of the same one, until it is dropped. None never comes: nobody closes them.
    pub async fn enter(&self, who: &K) -> Option<Turn<K>> {
        let (asked, free) = {
            let mut all = lock(&self.all);
            let places = all.entry(who.clone()).or_insert_with(|| Places {
                free: Arc::new(Semaphore::new(self.each)),
                asked: 0,
            });
            places.asked += 1;
            let asked = Asked {
                all: self.all.clone(),
                who: who.clone(),
            };
            (asked, places.free.clone())
        };
        let place = free.acquire_owned().await.ok()?;
        Some(Turn {
            _place: place,
            _asked: asked,
        })
    }
}

/// A place that is taken.
pub struct Turn<K: Eq + Hash> {
    _place: OwnedSemaphorePermit,
    _asked: Asked<K>,
}

/// Counted among those of one that have a place, or wait.
struct Asked<K: Eq + Hash> {
    all: All<K>,
    who: K,
}

impl<K: Eq + Hash> Drop for Asked<K> {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        if let Some(places) = all.get_mut(&self.who) {
            places.asked = places.asked.saturating_sub(1);
            if places.asked == 0 {
                all.remove(&self.who);
            }
        }
    }
}

fn lock<K>(all: &All<K>) -> MutexGuard<'_, HashMap<K, Places>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_waits_for_its_own_and_who_goes_away_leaves_nothing() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.enter(&"a").await.unwrap();
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.enter(&"a").await.map(drop) }
        });
        let third = tokio::spawn({
            let turns = turns.clone();
            async move { turns.enter(&"a").await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished() && !third.is_finished());
        assert!(turns.enter(&"b").await.is_some(), "another's are its own");
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        drop(first);
        second.await.unwrap().unwrap();
        assert!(lock(&turns.all).is_empty(), "who has none takes no memory");
    }
}
