//! What the end of a branch sets off in slices above: functions that `app.rs` hands in, run in the same
//! transaction, so that a branch never ends by half.

use chrono::NaiveDate;
use futures_util::future::BoxFuture;

use crate::{
    kernel::id::BranchId,
    storage::{StoreError, write::Write},
};

/// A branch that was merged or dissolved in this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchEnded {
    /// The branch that ended.
    pub branch: BranchId,
    /// The branch it was merged into; None when it was dissolved.
    pub successor: Option<BranchId>,
    /// The day it took effect; today or earlier.
    pub on: NaiveDate,
}

/// Runs after the branch's own row was written.
pub type BranchEndedHook =
    for<'a, 't> fn(&'a mut Write<'t>, &'a BranchEnded) -> BoxFuture<'a, Result<(), StoreError>>;

/// Everything that is to run.
#[derive(Clone, Debug, Default)]
pub struct BranchHooks {
    /// When a branch is merged or dissolved, in this order.
    pub ended: Vec<BranchEndedHook>,
}

impl BranchHooks {
    /// Runs them for a branch that ended.
    pub(super) async fn run(&self, write: &mut Write<'_>, ended: &BranchEnded) -> Result<(), StoreError> {
        for hook in &self.ended {
            hook(write, ended).await?;
        }
        Ok(())
    }
}
