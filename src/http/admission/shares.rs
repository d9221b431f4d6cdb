//! What each of many has taken of something of which there is so much for each.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts by who has taken it.
pub struct Shares<K> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    most: usize,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// So much for each.
    pub fn new(most: usize) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// How much each may take.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes so much, until it is dropped; None where that is more than is left for one.
    pub fn take(&self, who: &K, amount: usize) -> Option<Share<K>> {
        let mut all = lock(&self.taken);
        let taken = all.get(who).copied().unwrap_or_default();
        let now = taken.checked_add(amount).filter(|now| *now <= self.most)?;
        all.insert(who.clone(), now);
        Some(Share {
            taken: self.taken.clone(),
            who: who.clone(),
            amount,
        })
    }

    /// How many have taken anything.
    #[cfg(test)]
    pub fn holders(&self) -> usize {
        lock(&self.taken).len()
    }
}

/// What one has taken.
pub struct Share<K: Eq + Hash> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    who: K,
    amount: usize,
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut all = lock(&self.taken);
        if let Some(taken) = all.get_mut(&self.who) {
            *taken = taken.saturating_sub(self.amount);
            if *taken == 0 {
                all.remove(&self.who);
            }
        }
    }
}

fn lock<K>(taken: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_and_gives_it_back() {
        let shares = Shares::new(3);
        let two = shares.take(&"a", 2).unwrap();
        let one = shares.take(&"a", 1).unwrap();
        assert!(shares.take(&"a", 1).is_none());
        assert!(shares.take(&"b", 4).is_none());
        let _other = shares.take(&"b", 3).unwrap();
        drop(two);
        assert!(shares.take(&"a", 3).is_none());
        assert!(shares.take(&"a", 2).is_some());
        drop(one);
        assert_eq!(shares.holders(), 1, "who has nothing takes no memory");
    }
}
