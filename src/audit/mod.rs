//! The audit trail: who did what, before and after, hash-chained and append-only (docs/domain.md, 8).
//!
//! A record is written in the transaction of what it tells of. The chain runs in change-log order: SQLite's one
//! writer seals a record in the same transaction; on PostgreSQL, where commit order is known only
//! afterwards, one sealer at a time does it (a lease). `zhibu verify` walks the chain.

pub mod chain;
pub mod export;
pub mod graphql;
mod refused;
pub mod store;

pub use refused::RefusedAccess;
use serde_json::Value;

use crate::kernel::id::{GlobalId, NodeId};

/// What a use case says it did.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    pub(crate) action: &'static str,
    pub(crate) node: Option<GlobalId>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl AuditRecord {
    /// `action` is the mutation's name, or the command's.
    pub fn new(action: &'static str) -> Self {
        Self {
            action,
            node: None,
            before: None,
            after: None,
        }
    }

    /// The thing it was done to.
    pub fn node<I: NodeId>(mut self, id: I) -> Self {
        self.node = Some(GlobalId {
            node_type: I::TYPE,
            number: id.into(),
        });
        self
    }

    /// How it stood; never holds names of persons or their numbers.
    pub fn before(mut self, value: Value) -> Self {
        self.before = Some(value);
        self
    }

    /// How it stands now.
    pub fn after(mut self, value: Value) -> Self {
        self.after = Some(value);
        self
    }
}
