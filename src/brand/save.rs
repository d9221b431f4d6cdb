//! `saveBrand`: a branch writes a draft, or a new one from what is published.

use serde_json::json;

use super::{
    content::{Earlier, GivenContent},
    model::{Brand, BrandError, BrandState},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch::{self, Branch},
    kernel::{
        id::{BranchId, BrandId},
        message::Message,
        refusal::Refusal,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write, check_version},
};

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct SaveBrand {
    /// None for a new brand; `Some(None)` where the caller's id names no brand.
    pub id: Option<Option<BrandId>>,
    /// The version that was read; goes with `id`.
    pub version: Option<i32>,
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// What it says.
    pub content: GivenContent,
}

/// Keeps a draft. A draft is edited in its place; one that is published or archived stays as it is and a new draft
/// carries the new content (docs/domain.md, 5); one that lies with the committee is refused.
pub async fn save(write: &mut Write<'_>, grant: &Grant, input: &SaveBrand) -> Result<BrandId, Failure> {
    let branch_id = input.branch.ok_or_else(|| no_branch(&["branchId"]))?;
    let branch = lock_branch(write, branch_id)
        .await?
        .ok_or_else(|| no_branch(&["branchId"]))?;
    grant.require_branch(write.connection(), branch_id).await?;
    let read = match input.id {
        None => None,
        Some(id) => Some(read(write, grant, id).await?),
    };
    let foreign = read.as_ref().is_some_and(|read| read.branch_id != branch_id);

    let mut refusals = Refusals::default();
    refusals.require(branch.is_active(), || BrandError::BranchEnded("branchId").into());
    refusals.require(!foreign, || BrandError::OtherBranch.into());
    match (&read, input.version) {
        (Some(read), Some(version)) => {
            refusals.take(check_version(version, read.version));
        }
        (Some(_), None) => refusals.require(false, || BrandError::NoVersion.into()),
        (None, Some(_)) => refusals.require(false, || BrandError::VersionOfNothing.into()),
        (None, None) => {}
    }
    let submitted = read
        .as_ref()
        .is_some_and(|read| read.state == BrandState::Submitted);
    refusals.require(!submitted, || BrandError::Submitted.into());
    let earlier = read.as_ref().map(|read| Earlier {
        slogan: read.slogan.clone(),
        results: read.results.clone(),
    });
    let today = write.clock().today();
    let content = input
        .content
        .check(earlier.unwrap_or_default(), today, &mut refusals);
    let content = refusals.finish_with(content)?;

    let after = |state: BrandState, version: i32, from: Option<BrandId>| {
        json!({
            "branchId": branch_id, "content": content, "state": state.as_str(), "version": version, "from": from,
        })
    };
    match read {
        Some(draft) if draft.state == BrandState::Draft => {
            let before = store::write::content(write, &draft).await?;
            let version = draft.version + 1;
            store::write::update_content(write, draft.id, &content, version).await?;
            write.audit(
                AuditRecord::new("saveBrand")
                    .node(draft.id)
                    .before(json!({ "content": before, "version": draft.version }))
                    .after(after(BrandState::Draft, version, None)),
            );
            write.change(changed(Action::Updated, &draft, version, true));
            Ok(draft.id)
        }
        read => {
            let id = store::write::insert(write, branch_id, &content).await?;
            let from = read.map(|read| read.id);
            write.audit(
                AuditRecord::new("saveBrand")
                    .node(id)
                    .after(after(BrandState::Draft, 1, from)),
            );
            write.change(
                Change::new(Topic::Brand, Action::Created, id)
                    .version(1)
                    .branches([branch_id])
                    .in_scope_only(true),
            );
            Ok(id)
        }
    }
}

/// The brand that the input names, its row locked, for a caller who may see it and to whose branch it belongs.
async fn read(write: &Write<'_>, grant: &Grant, id: Option<BrandId>) -> Result<Brand, Failure> {
    let id = id.ok_or_else(no_brand)?;
    let brand = visible(write, grant, id).await?;
    grant.require_branch(write.connection(), brand.branch_id).await?;
    store::write::lock(write, id)
        .await?
        .ok_or_else(|| no_brand().into())
}

/// A brand that the caller may see; NOT_FOUND is all that anybody else hears.
pub(super) async fn visible(write: &Write<'_>, grant: &Grant, id: BrandId) -> Result<Brand, Failure> {
    store::by_ids(write.connection(), grant.scope(), &[id])
        .await?
        .remove(&id)
        .ok_or_else(|| no_brand().into())
}

/// The branch of a brand, locked until the transaction ends: what is done with one branch's brands is done one
/// after another.
pub(super) async fn lock_branch(write: &Write<'_>, id: BranchId) -> Result<Option<Branch>, Failure> {
    Ok(branch::lock(write, &[id]).await?.remove(&id))
}

/// A change of a brand. Drafts are for those in scope; what was or becomes published is for everybody.
pub(super) fn changed(action: Action, brand: &Brand, version: i32, in_scope_only: bool) -> Change {
    Change::new(Topic::Brand, action, brand.id)
        .version(version)
        .branches([brand.branch_id])
        .in_scope_only(in_scope_only)
}

/// NOT_FOUND of the brand that the input names.
pub(super) fn no_brand() -> Refusal {
    Refusal::not_found(&["id"], Message::new("该品牌", "brand"))
}

fn no_branch(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该党支部", "branch"))
}
