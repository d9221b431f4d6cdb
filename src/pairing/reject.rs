//! `rejectPairing`: by a member branch, or by who would approve it.

use super::{
    model::{REASON_LIMIT, Step},
    step::{open, require_member_or_all, save},
};
use crate::{
    auth::Grant,
    kernel::{id::PairingId, text},
    storage::write::{Failure, Write, check_version},
};

/// What is rejected, and why.
#[derive(Clone, Debug)]
pub struct RejectPairing {
    /// None where the caller's id names no pairing.
    pub id: Option<PairingId>,
    /// The version that the caller read.
    pub version: i32,
    /// Why.
    pub reason: String,
}

/// Rejects a proposal.
pub async fn reject(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RejectPairing,
) -> Result<PairingId, Failure> {
    let before = open(write, grant, input.id, &["id"]).await?;
    require_member_or_all(write, grant, &before).await?;
    check_version(input.version, before.pairing.version)?;
    let mut after = before.clone();
    after.step(Step::Reject, &["id"])?;
    let reason = text::prose(&input.reason, REASON_LIMIT).map_err(|e| e.refusal(&["reason"]))?;
    after.pairing.end_reason = Some(reason);
    Ok(save(write, "rejectPairing", &before, after).await?)
}
