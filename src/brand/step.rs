//! What the steps of a brand have in common: the rows locked, and whether the step is open.

use super::{
    model::{Brand, BrandError, BrandState, BrandStep},
    save::{lock_branch, no_brand, visible},
    store,
};
use crate::{
    auth::Grant,
    kernel::{id::BrandId, refusal::Refusal},
    storage::write::{Failure, Write, check_version},
};

/// A brand with where a step takes it.
pub(super) struct Stepping {
    /// As it stands, locked together with its branch.
    pub brand: Brand,
    /// The state after the step.
    pub to: BrandState,
    /// The version after the step.
    pub version: i32,
}

/// Checks that the caller may take this step with this brand, now.
pub(super) async fn begin(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<BrandId>,
    version: i32,
    step: BrandStep,
) -> Result<Stepping, Failure> {
    let id = id.ok_or_else(no_brand)?;
    let seen = visible(write, grant, id).await?;
    grant.require_branch(write.connection(), seen.branch_id).await?;
    // The branch before its brands: two publications at once wait for each other here.
    let branch = lock_branch(write, seen.branch_id).await?.ok_or_else(no_brand)?;
    let brand = store::write::lock(write, id).await?.ok_or_else(no_brand)?;
    check_version(version, brand.version)?;
    let to = brand.state.after(step).map_err(Refusal::from)?;
    if !branch.is_active() {
        return Err(Refusal::from(BrandError::BranchEnded("id")).into());
    }
    let version = brand.version + 1;
    Ok(Stepping { brand, to, version })
}
