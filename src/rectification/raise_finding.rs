//! `raiseRectification`: a finding of an inspection (平台巡查), or of a consultation (会诊) after it was concluded.

use super::{
    finding::{Finding, ItemsOf},
    hooks::{RectificationHooks, RectificationMoved},
    model::{RectificationError, RectificationOrigin, RectificationState},
    step::require_other_branch,
};
use crate::{
    auth::Grant,
    branch::{self, BranchForm},
    campaign::CheckItem,
    kernel::{
        id::{BranchId, RectificationId},
        message::Message,
        refusal::Refusal,
    },
    storage::write::{Failure, Refusals, Write},
};

/// What was found, and where.
#[derive(Clone, Debug)]
pub struct RaiseRectification {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// Who found it.
    pub origin: RectificationOrigin,
    /// What was found.
    pub finding: Finding,
    /// What is to run in the same transaction.
    pub hooks: RectificationHooks,
}

/// Raises a finding. One of a consultation belongs to the branch's open check, one of an inspection to none.
pub async fn raise_finding(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RaiseRectification,
) -> Result<RectificationId, Failure> {
    let id = input.branch.ok_or_else(no_branch)?;
    let branch = branch::lock(write, &[id])
        .await?
        .remove(&id)
        .ok_or_else(no_branch)?;
    grant.require_branch(write.connection(), id).await?;

    let mut refusals = Refusals::default();
    require_other_branch(write, grant, id, "branchId", &mut refusals).await?;
    refusals.require(branch.is_active(), || {
        RectificationError::BranchEnded("branchId").into()
    });
    refusals.require(branch.form != BranchForm::Temporary, || {
        RectificationError::Temporary.into()
    });
    let check = match input.origin {
        RectificationOrigin::Inspection => None,
        RectificationOrigin::Consultation => {
            let check = input.hooks.check_of(write, id).await?;
            let of = check.as_ref().map(|check| check.id);
            grant.require_check(write.connection(), of).await?;
            refusals.require(check.is_some(), || RectificationError::NoOpenCheck.into());
            check
        }
        origin => {
            refusals.require(false, || RectificationError::Origin(origin).into());
            None
        }
    };
    let health_check = check.as_ref().map(|check| check.id);
    let items: Option<Vec<&CheckItem>> = check.as_ref().map(|check| check.items.iter().collect());
    let of = items
        .as_deref()
        .map_or(ItemsOf::Latest(branch.domain), ItemsOf::Check);
    let finding = input
        .finding
        .check(write, of, &["finding"], &mut refusals)
        .await?;
    let finding = refusals.finish_with(finding)?;

    let raised = finding.with(id, health_check, input.origin).raise(write).await?;
    let moved = RectificationMoved {
        id: raised,
        branch: id,
        health_check,
        before: None,
        after: RectificationState::Open,
    };
    input.hooks.moved(write, &moved).await?;
    Ok(raised)
}

fn no_branch() -> Refusal {
    Refusal::not_found(&["branchId"], Message::new("该党支部", "branch"))
}
