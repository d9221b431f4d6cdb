//! A check for every branch that takes part, when a campaign opens and when a branch comes later; `app.rs` hands both to the
//! slices below.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{
    model::CheckStage,
    step::{Done, save, with_results},
    store,
};
use crate::{
    audit::AuditRecord,
    branch::{self, BranchPlaced},
    campaign::Campaign,
    kernel::id::BranchId,
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Write},
};

/// Opens a check for every running branch; temporary ones take no part.
pub fn campaign_opened<'a, 't>(
    write: &'a mut Write<'t>,
    campaign: &'a Campaign,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        lock(write).await?;
        open(write, campaign, None).await
    })
}

/// A branch that changes its field has the items of the new one in the place of the old ones', as long as its check is not handed in;
/// from then on the check is what it was. One that takes its place among the others before the window of a campaign is over gets its check then.
pub fn branch_placed<'a, 't>(
    write: &'a mut Write<'t>,
    placed: &'a BranchPlaced,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        match (placed.before, placed.after) {
            (None, Some(_)) => {}
            (Some(before), Some(after)) if before.domain != after.domain => {
                return retailor(write, placed.branch).await;
            }
            _ => return Ok(()),
        }
        lock(write).await?;
        let today = write.clock().today();
        for campaign in store::write::campaigns_from(write, today).await? {
            open(write, &campaign, Some(placed.branch)).await?;
        }
        Ok(())
    })
}

/// Gives the checks of a branch that are not handed in the items of its field.
async fn retailor(write: &mut Write<'_>, id: BranchId) -> Result<(), Failure> {
    for before in store::write::lock_open_of(write, id).await? {
        if !matches!(before.stage, CheckStage::NotStarted | CheckStage::SelfCheck) {
            continue;
        }
        let Some(branch) = branch::lock(write, &[id]).await?.remove(&id) else {
            continue;
        };
        let opened = with_results(write, before.clone(), branch).await?;
        store::write::retailor(write, before.id, &opened.campaign, &opened.branch).await?;
        let opened = with_results(write, opened.check, opened.branch).await?;
        let done = Done {
            action: "updateBranch",
            before: &before,
            told: json!({ "domain": opened.branch.domain.as_str() }),
            changed: Vec::new(),
        };
        save(write, opened, done).await?;
    }
    Ok(())
}

/// A campaign and a branch that come at once would miss each other.
async fn lock(write: &Write<'_>) -> Result<(), Failure> {
    Ok(write.lock("health_check", "open").await?)
}

async fn open(write: &mut Write<'_>, campaign: &Campaign, only: Option<BranchId>) -> Result<(), Failure> {
    let opened = store::write::open(write, campaign, only).await?;
    if opened.is_empty() {
        return Ok(());
    }
    write.audit(
        AuditRecord::new("openHealthChecks")
            .node(campaign.id)
            .after(json!({ "branchId": only, "healthChecks": opened.len() })),
    );
    for (check, branch) in opened {
        write.change(
            Change::new(Topic::HealthCheck, Action::Created, check)
                .version(1)
                .branches([branch])
                .in_scope_only(true),
        );
    }
    Ok(())
}
