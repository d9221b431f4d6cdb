//! Organizations (组织): the tree of district, committees and general branches, and the head counts they report.
//!
//! The tree is a table of parents beside its transitive closure, so that "all below" is one indexed lookup.
//! Every other slice hangs its records on this tree; scope and the change log read the closure too.
//! Moves are dated and kept, but every count uses the tree as it stands now (docs/domain.md, 2).

pub mod create;
pub mod graphql;
pub mod headcount;
pub mod model;
mod store;
pub mod update;

pub use model::{Organization, OrganizationKind};
pub use store::{by_code, by_id, by_ids, nearest_committees, organizations_in_scope, root, verify_closure};
