//! Branches (党支部): what they are, their terms of office and elections, the codes they are known by, their gold titles,
//! and how they end: merged into a successor that answers for the old code, or dissolved.
//!
//! Every read resolves a code the same way (docs/domain.md, 4): a branch's own code first, then an alias valid that
//! day, and a merged branch's code gives its successor. What a branch's place, code or end sets off in slices above is a list
//! of functions that `app.rs` hands in, run in the same transaction.

pub mod add_alias;
pub mod create;
pub mod daily;
pub mod dissolve;
pub mod elect;
pub mod end_alias;
pub mod extend;
pub mod graphql;
pub mod hooks;
pub mod merge;
pub mod model;
mod store;
pub mod target;
pub mod update;

pub use hooks::{BranchCoded, BranchEnded, BranchHooks, BranchPlaced};
pub use model::{
    Alias, Branch, BranchForm, BranchNames, BranchStatus, Domain, Holding, Place, Term, TermState,
};
pub use store::{
    by_id, by_ids, code_holders, elections_due, gold_among, gold_on, is_or_became, lock, merged_into, places,
    resolve_code, successors, verify_term_ends, whose_term_ended,
};
