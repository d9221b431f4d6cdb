//! `acceptPairing`: by a member branch.

use super::{
    model::{PairingError, Step},
    step::{branch_not_found, open_with_branches, save},
    store,
};
use crate::{
    auth::Grant,
    kernel::{
        id::{BranchId, PairingId},
        refusal::Refusal,
    },
    storage::write::{Failure, Write},
};

/// Who accepts what. It names no version: what another member did meanwhile changes nothing of what is accepted.
#[derive(Clone, Debug)]
pub struct AcceptPairing {
    /// None where the caller's id names no pairing.
    pub id: Option<PairingId>,
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
}

/// Accepts for a member branch; a second time is refused with INVALID_TRANSITION. When it was the last one and the
/// pairing is approved, it becomes ACTIVE, if everybody may still be in it.
pub async fn accept(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AcceptPairing,
) -> Result<PairingId, Failure> {
    let branch = input.branch.ok_or_else(|| branch_not_found(&["branchId"]))?;
    let (before, branches) = open_with_branches(write, grant, input.id, &["id"]).await?;
    grant.require_branch(write.connection(), branch).await?;
    let mut after = before.clone();
    let step = after.step(Step::Accept, &["id"]);
    let now = write.clock().business();
    let member = after
        .members
        .iter_mut()
        .find(|member| member.branch_id == branch && member.stays())
        .ok_or(Failure::Forbidden)?;
    step?;
    if member.accepted_at.replace(now).is_some() {
        return Err(Refusal::from(PairingError::AcceptedAlready).into());
    }
    after.activate_when_ready(write, &branches).await?;
    store::set_accepted(write, before.pairing.id, branch, now).await?;
    Ok(save(write, "acceptPairing", &before, after).await?)
}
