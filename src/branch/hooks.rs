//! What changes of a branch set off in slices above: functions that `app.rs` hands in, run in the same transaction, so that
//! none of it is ever half done.

use chrono::NaiveDate;
use futures_util::future::BoxFuture;

use super::model::Place;
use crate::{
    kernel::id::BranchId,
    storage::write::{Failure, Write},
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

/// A branch that is compared with others elsewhere from this transaction on, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchPlaced {
    /// The branch.
    pub branch: BranchId,
    /// Where it was; None where it took no part.
    pub before: Option<Place>,
    /// Where it is; None where it takes no part.
    pub after: Option<Place>,
}

/// A branch that has another code since this transaction: its own or an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchCoded {
    /// The branch.
    pub branch: BranchId,
    /// The code, normalized.
    pub code: String,
    /// The source that knows the branch by it; None where everybody does.
    pub source_code: Option<String>,
}

/// Runs after the branch's own rows were written.
pub type Hook<E> = for<'a, 't> fn(&'a mut Write<'t>, &'a E) -> BoxFuture<'a, Result<(), Failure>>;

/// Everything that is to run, each list in its order.
#[derive(Clone, Debug, Default)]
pub struct BranchHooks {
    /// When a branch is merged or dissolved.
    pub ended: Vec<Hook<BranchEnded>>,
    /// When a branch takes its place among the others, changes it or leaves it; after `ended`.
    pub placed: Vec<Hook<BranchPlaced>>,
    /// When a branch gets a code.
    pub coded: Vec<Hook<BranchCoded>>,
}

impl BranchHooks {
    /// Runs what a branch's end sets off.
    pub(super) async fn ended(&self, write: &mut Write<'_>, ended: &BranchEnded) -> Result<(), Failure> {
        run(&self.ended, write, ended).await
    }

    /// Runs what a branch's place sets off, where it is another one.
    pub(super) async fn placed(&self, write: &mut Write<'_>, placed: &BranchPlaced) -> Result<(), Failure> {
        if placed.before == placed.after {
            return Ok(());
        }
        run(&self.placed, write, placed).await
    }

    /// Runs what a branch's code sets off.
    pub(super) async fn coded(&self, write: &mut Write<'_>, coded: &BranchCoded) -> Result<(), Failure> {
        run(&self.coded, write, coded).await
    }
}

async fn run<E>(hooks: &[Hook<E>], write: &mut Write<'_>, event: &E) -> Result<(), Failure> {
    for hook in hooks {
        hook(write, event).await?;
    }
    Ok(())
}
