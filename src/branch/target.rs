//! The branch a mutation is about.

use super::{model::Branch, store};
use crate::{
    auth::Grant,
    kernel::{id::BranchId, message::Message, refusal::Refusal},
    storage::write::{Failure, Write, check_version},
};

/// NOT_FOUND of a branch that the input names.
pub fn not_found(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该支部", "branch"))
}

/// Its row, locked until the transaction ends, where the caller may write it; `field` is the input's that names it,
/// `id` is None where that names no branch.
pub(super) async fn locked(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<BranchId>,
    field: &'static str,
) -> Result<Branch, Failure> {
    let id = id.ok_or_else(|| not_found(&[field]))?;
    let branch = store::lock(write, &[id]).await?.remove(&id);
    let branch = branch.ok_or_else(|| not_found(&[field]))?;
    grant.require_branch(write.connection(), id).await?;
    Ok(branch)
}

/// Refuses unless the branch stands at the version the caller read and goes on.
pub(super) fn check_current(branch: &Branch, version: i32, field: &'static str) -> Result<(), Failure> {
    check_version(version, branch.version)?;
    branch.check_active(field).map_err(Refusal::from)?;
    Ok(())
}
