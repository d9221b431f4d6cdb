//! `approvePairing`: by the committee of all members, or by the district.

use super::{
    model::{PairingError, Step},
    step::{open_with_branches, require_all, save},
};
use crate::{
    auth::Grant,
    kernel::{id::PairingId, refusal::Refusal},
    storage::write::{Failure, Write, check_version},
};

/// What is approved.
#[derive(Clone, Debug)]
pub struct ApprovePairing {
    /// None where the caller's id names no pairing.
    pub id: Option<PairingId>,
    /// The version that the caller read.
    pub version: i32,
}

/// Approves a proposal. It becomes ACTIVE at once when every member has accepted, if everybody may still be in it;
/// else the approval is kept, and the last member's acceptance makes it ACTIVE.
pub async fn approve(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ApprovePairing,
) -> Result<PairingId, Failure> {
    let (before, branches) = open_with_branches(write, grant, input.id, &["id"]).await?;
    require_all(write, grant, &before.staying(), &["id"]).await?;
    check_version(input.version, before.pairing.version)?;
    let mut after = before.clone();
    after.step(Step::Approve, &["id"])?;
    let now = write.clock().business();
    if after.pairing.approved_at.replace(now).is_some() {
        return Err(Refusal::from(PairingError::ApprovedAlready).into());
    }
    after.activate_when_ready(write, &branches).await?;
    Ok(save(write, "approvePairing", &before, after).await?)
}
