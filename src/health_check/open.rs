//! A check for every branch that takes part, when a campaign opens and when a branch comes later; `app.rs` hands both to the
//! slices below.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::store;
use crate::{
    audit::AuditRecord,
    branch::BranchPlaced,
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

/// A branch that takes its place among the others before the window of a campaign is over gets its check then.
pub fn branch_placed<'a, 't>(
    write: &'a mut Write<'t>,
    placed: &'a BranchPlaced,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        if placed.before.is_some() || placed.after.is_none() {
            return Ok(());
        }
        lock(write).await?;
        let today = write.clock().today();
        for campaign in store::write::campaigns_from(write, today).await? {
            open(write, &campaign, Some(placed.branch)).await?;
        }
        Ok(())
    })
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
