//! `terminatePairing`: before its aim is reached, by the committee of all members, or by the district.

use super::{
    model::{REASON_LIMIT, Step},
    step::{open, require_all, save},
};
use crate::{
    auth::Grant,
    kernel::{id::PairingId, text},
    storage::write::{Failure, Write, check_version},
};

/// What is terminated, and why.
#[derive(Clone, Debug)]
pub struct TerminatePairing {
    /// None where the caller's id names no pairing.
    pub id: Option<PairingId>,
    /// The version that the caller read.
    pub version: i32,
    /// Why.
    pub reason: String,
}

/// Terminates an active pairing.
pub async fn terminate(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &TerminatePairing,
) -> Result<PairingId, Failure> {
    let before = open(write, grant, input.id, &["id"]).await?;
    require_all(write, grant, &before.staying(), &["id"]).await?;
    check_version(input.version, before.pairing.version)?;
    let mut after = before.clone();
    after.step(Step::Terminate, &["id"])?;
    let reason = text::prose(&input.reason, REASON_LIMIT).map_err(|e| e.refusal(&["reason"]))?;
    after.pairing.end_reason = Some(reason);
    Ok(save(write, "terminatePairing", &before, after).await?)
}
