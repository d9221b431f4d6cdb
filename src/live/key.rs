//! What makes two reads the same: whoever asks one is told what the other was told.

use std::fmt::Write as _;

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
        let mut hash = Sha256::new();
        hash.update(prepared.hash());
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "{:?} {:?} {:?} {:?} {:?}",
            prepared.facts().name,
            requester.role(),
            requester.scope(),
            requester.is_anonymous(),
            lang
        );
        if reads.personal || requester.role() == Role::Examiner {
            let _ = write!(text, " {:?}", requester.undated());
        }
        hash.update(text.as_bytes());
        hash.update(variables(prepared.variables()).as_bytes());
        Self(hash.finalize().into())
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
