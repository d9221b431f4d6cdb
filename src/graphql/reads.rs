//! What an operation reads: from its document alone, so that no resolver can forget to say so.
//!
//! `reads_table.rs` says for each type, or for one of its fields, which topics of the change log move it. What the table does
//! not know depends on everything.

use crate::live::change::Topics;

/// What an operation depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Changes of these topics may change its result.
    pub topics: Topics,
    /// So may changes of these that concern the branch that it asks for by id.
    pub of_branch: Topics,
    /// It reads what is the caller's own: two callers of one scope are told different things.
    pub personal: bool,
    /// It reads what moves without a change, or must not be kept.
    pub volatile: bool,
}

impl Reads {
    /// The same of whatever branch.
    pub fn anywhere(self) -> Self {
        Self {
            topics: self.topics.and(self.of_branch),
            of_branch: Topics::default(),
            ..self
        }
    }

    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self {
            topics: self.topics.and(other.topics),
            of_branch: self.of_branch.and(other.of_branch),
            personal: self.personal || other.personal,
            volatile: self.volatile || other.volatile,
        }
    }
}
