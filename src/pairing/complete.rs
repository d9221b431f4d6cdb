//! `completePairing`: its aim reached, by the committee of all members, or by the district.

use super::{
    model::Step,
    step::{open, require_all, save},
};
use crate::{
    auth::Grant,
    kernel::id::PairingId,
    storage::write::{Failure, Write, check_version},
};

/// What is completed.
#[derive(Clone, Debug)]
pub struct CompletePairing {
    /// None where the caller's id names no pairing.
    pub id: Option<PairingId>,
    /// The version that the caller read.
    pub version: i32,
}

/// Completes an active pairing. Its planned last day stays as it was.
pub async fn complete(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CompletePairing,
) -> Result<PairingId, Failure> {
    let before = open(write, grant, input.id, &["id"]).await?;
    require_all(write, grant, &before.staying(), &["id"]).await?;
    check_version(input.version, before.pairing.version)?;
    let mut after = before.clone();
    after.step(Step::Complete, &["id"])?;
    Ok(save(write, "completePairing", &before, after).await?)
}
