//! What the end of a branch sets off in slices above; `app.rs` hands the list in.

use chrono::NaiveDate;
use futures_util::future::BoxFuture;

use crate::{
    kernel::id::BranchId,
    storage::{StoreError, write::Write},
};

/// A branch that was merged or dissolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchEnded {
    /// The branch that ended.
    pub branch: BranchId,
    /// The branch it was merged into; none when it was dissolved.
    pub successor: Option<BranchId>,
    /// The day it took effect.
    pub on: NaiveDate,
}

/// What a slice above does in the transaction that ends a branch.
pub type BranchEndedHook =
    for<'a, 't> fn(&'a mut Write<'t>, &'a BranchEnded) -> BoxFuture<'a, Result<(), StoreError>>;

/// What is set off, in this order.
#[derive(Clone, Default)]
pub struct BranchHooks {
    /// Run when a branch was merged or dissolved.
    pub ended: Vec<BranchEndedHook>,
}
