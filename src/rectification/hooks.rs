//! What rectifications set off in slices above, and what these know that a finding needs: functions that `app.rs` hands in,
//! run in the same transaction, so that none of it is ever half done.

use futures_util::future::BoxFuture;

use super::model::RectificationState;
use crate::{
    branch::hooks::Hook,
    campaign::CheckItem,
    kernel::id::{BranchId, HealthCheckId, RectificationId},
    storage::write::{Failure, Write},
};

/// A rectification whose state is another one since this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RectificationMoved {
    /// Which one.
    pub id: RectificationId,
    /// Whose it is.
    pub branch: BranchId,
    /// The check that found it.
    pub health_check: Option<HealthCheckId>,
    /// Where it stood; None where `raiseRectification` has just raised it.
    pub before: Option<RectificationState>,
    /// Where it stands.
    pub after: RectificationState,
}

/// The open check of a branch.
#[derive(Clone, Debug)]
pub struct OpenCheck {
    /// Its key.
    pub id: HealthCheckId,
    /// The items that it is made of.
    pub items: Vec<CheckItem>,
}

/// The open check of a branch, if it has one.
pub type CheckOf =
    for<'a, 't> fn(&'a Write<'t>, BranchId) -> BoxFuture<'a, Result<Option<OpenCheck>, Failure>>;

/// Everything that is handed in.
#[derive(Clone, Debug, Default)]
pub struct RectificationHooks {
    /// Run, in their order, when the state of a rectification has changed; not for what [`super::raise()`] raises, whose caller
    /// knows.
    pub moved: Vec<Hook<RectificationMoved>>,
    /// Which check a finding of origin CONSULTATION belongs to; without it no branch has one.
    pub check_of: Option<CheckOf>,
}

impl RectificationHooks {
    /// Runs what a change of state sets off.
    pub(super) async fn moved(
        &self,
        write: &mut Write<'_>,
        moved: &RectificationMoved,
    ) -> Result<(), Failure> {
        for hook in &self.moved {
            hook(write, moved).await?;
        }
        Ok(())
    }

    /// The branch's open check.
    pub(super) async fn check_of(
        &self,
        write: &Write<'_>,
        branch: BranchId,
    ) -> Result<Option<OpenCheck>, Failure> {
        match self.check_of {
            Some(check_of) => check_of(write, branch).await,
            None => Ok(None),
        }
    }
}
