//! What makes two reads the same: whoever asks one is told what the other was told.

use std::hash::{Hash, Hasher};

use async_graphql::Variables;
use sha2::{Digest as _, Sha256};

use super::{
    Dependencies,
    change::{Topic, Topics},
};
use crate::{
    auth::{Extent, Requester, Role},
    graphql::{Prepared, reads::Reads},
    kernel::message::Lang,
};

/// The SHA-256 of the document, the operation's name, the variables, what the caller may see and do, the language, and the
/// subject where the document reads what is the subject's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadKey([u8; 32]);

impl ReadKey {
    /// The key of a read.
    pub fn of(prepared: &Prepared, reads: &Reads, requester: &Requester, lang: Lang) -> Self {
        let mut hash = Sha256Hasher(Sha256::new());
        prepared.hash().hash(&mut hash);
        prepared.facts().name.hash(&mut hash);
        (
            requester.role(),
            requester.scope(),
            requester.is_anonymous(),
            lang,
        )
            .hash(&mut hash);
        let own = (reads.personal || requester.role() == Role::Examiner).then(|| requester.undated());
        own.hash(&mut hash);
        if !prepared.variables().is_empty() {
            variables(prepared.variables()).hash(&mut hash);
        }
        Self(hash.0.finalize().into())
    }
}

#[cfg(test)]
impl ReadKey {
    pub(super) fn of_nothing() -> Self {
        Self([0; 32])
    }
}

/// Values as they hash themselves: each says where it ends.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the key is the whole of it.
        0
    }
}

/// What a read of a caller's depends on.
pub fn dependencies(prepared: &Prepared, requester: &Requester) -> Dependencies {
    let branch = prepared.branch();
    let reads = match branch {
        Some(_) => prepared.facts().reads,
        None => prepared.facts().reads.anywhere(),
    };
    let mut topics = reads.topics;
    if matches!(requester.scope().extent(), Extent::Subtree(_)) {
        // What lies in its scope is another thing when the tree changes.
        topics = topics.and(Topics::of(&[Topic::Organization, Topic::Branch]));
    }
    if matches!(requester.scope().extent(), Extent::Assigned { .. }) {
        topics = topics.and(Topics::of(&[Topic::HealthCheck]));
    }
    if reads.volatile {
        // What a source does, and how much of it is booked, is told by these.
        topics = topics.and(Topics::of(&[Topic::Source, Topic::Points]));
    }
    Dependencies {
        anywhere: topics,
        of_branch: branch.map(|branch| (branch, reads.of_branch)),
    }
}

/// Variables as text; their order by name.
fn variables(variables: &Variables) -> String {
    serde_json::to_string(variables).unwrap_or_default()
}
