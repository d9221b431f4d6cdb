//! How fresh a read is: what it depends on has a version that moves with every change, at once where the change was written
//! and when its tail sees it elsewhere.
//!
//! A version only ever grows. Whoever takes it before reading never takes what is older for what is newer; that it may move
//! for a change that concerns something else costs a read, and nothing else.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::atomic::{AtomicU64, Ordering},
};

use super::change::{Topic, Topics};
use crate::kernel::id::BranchId;

/// Counters of changes by topic and branch; branches share them, so that there is a bound on them.
const SLOTS: usize = 8192;

/// What a read depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dependencies {
    /// Changes of these topics, of whatever branch.
    pub anywhere: Topics,
    /// Changes of these topics that concern one branch.
    pub of_branch: Option<(BranchId, Topics)>,
}

/// The versions.
#[derive(Debug)]
pub struct Freshness {
    topics: [AtomicU64; Topic::ALL.len()],
    slots: Vec<AtomicU64>,
    /// Moves for everything.
    all: AtomicU64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            all: AtomicU64::new(0),
            slots: std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect(),
        }
    }
}

impl Freshness {
    /// A change was committed.
    pub fn moved(&self, topic: Topic, branches: &[BranchId]) {
        for branch in branches {
            if let Some(slot) = self.slot(topic, *branch) {
                slot.fetch_add(1, Ordering::SeqCst);
            }
        }
        if topic == Topic::Campaign {
            // Which year 'this year' is may be another: once a year everything is read again.
            self.moved_all();
        }
        if let Some(topic) = self.topics.get(topic as usize) {
            topic.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Anything may have changed.
    pub fn moved_all(&self) {
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    /// The version of what a read depends on: to be taken before it reads.
    pub fn version(&self, of: &Dependencies) -> u64 {
        let anywhere = of
            .anywhere
            .iter()
            .filter_map(|topic| self.topics.get(topic as usize));
        let branch = of.of_branch.into_iter();
        let own = branch
            .flat_map(|(branch, topics)| topics.iter().filter_map(move |topic| self.slot(topic, branch)));
        // Of counters that only grow the sum tells whether one of them grew.
        anywhere
            .chain(own)
            .chain([&self.all])
            .map(|counter| counter.load(Ordering::SeqCst))
            .sum()
    }

    fn slot(&self, topic: Topic, branch: BranchId) -> Option<&AtomicU64> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((topic as usize, branch.0));
        self.slots
            .get(usize::try_from(hash % SLOTS as u64).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_moves_with_what_it_is_of() {
        let freshness = Freshness::default();
        let own = |branch: i64| Dependencies {
            anywhere: Topics::of(&[Topic::Brand]),
            of_branch: Some((BranchId(branch), Topics::of(&[Topic::Points]))),
        };
        let all = Dependencies {
            anywhere: Topics::of(&[Topic::Points]),
            of_branch: None,
        };
        freshness.moved(Topic::Points, &[BranchId(1)]);
        assert_eq!((freshness.version(&own(1)), freshness.version(&all)), (1, 1));
        assert_eq!(freshness.version(&own(2)), 0);
        freshness.moved(Topic::Brand, &[BranchId(3)]);
        assert_eq!((freshness.version(&own(1)), freshness.version(&all)), (2, 1));
        assert_eq!(freshness.version(&own(2)), 1);
        freshness.moved(Topic::Pairing, &[BranchId(1)]);
        assert_eq!((freshness.version(&own(1)), freshness.version(&all)), (2, 1));
    }
}
