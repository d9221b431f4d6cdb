//! What a rectification does to the check it belongs to; `app.rs` hands it to the slice of rectifications.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{
    model::{CheckStage, CheckStep},
    refresh::refresh,
    step::{Done, save, with_results},
    store,
};
use crate::{
    branch,
    kernel::id::BranchId,
    rectification::{self, OpenCheck, RectificationMoved},
    storage::write::{Failure, Write},
};

/// The open check of a branch, the latest campaign's, with its items: what a finding of a consultation belongs to.
pub fn check_of<'a, 't>(
    write: &'a Write<'t>,
    branch: BranchId,
) -> BoxFuture<'a, Result<Option<OpenCheck>, Failure>> {
    Box::pin(async move {
        let open = store::write::lock_open_of(write, branch).await?;
        let Some(check) = open.first() else {
            return Ok(None);
        };
        let results = store::results(write.connection(), &[(check.id, check.campaign_id)]).await?;
        let items = results.into_values().flatten().map(|result| result.item);
        Ok(Some(OpenCheck {
            id: check.id,
            items: items.collect(),
        }))
    })
}

/// RECTIFICATION → RECHECK when the last of its problems is closed or waived, and back when one is open again; whether a grave one is
/// open is part of its outcome. A check that is closed stays as it is, and so does one that is not judged yet.
pub fn rectification_moved<'a, 't>(
    write: &'a mut Write<'t>,
    moved: &'a RectificationMoved,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let Some(id) = moved.health_check else {
            return Ok(());
        };
        // Whoever moves a rectification has locked its branch.
        let Some(before) = store::write::lock(write, id).await? else {
            return Ok(());
        };
        if !before.stage.is_judged() {
            return Ok(());
        }
        let open = rectification::open_items(write.connection(), id).await?;
        let step = match (before.stage, open.is_empty()) {
            (CheckStage::Rectification, true) => Some(CheckStep::Settle),
            (CheckStage::Recheck, false) => Some(CheckStep::Reopen),
            _ => None,
        };
        let is_other = match (moved.before, moved.after) {
            (Some(before), after) => before.is_open() != after.is_open(),
            (None, _) => true,
        };
        if step.is_none() && !is_other {
            // One step further and still open: neither the stage nor the outcome is another.
            return Ok(());
        }
        let branch = branch::lock(write, &[before.branch_id])
            .await?
            .remove(&before.branch_id);
        let Some(branch) = branch else {
            return Ok(());
        };
        let mut opened = with_results(write, before.clone(), branch).await?;
        let mut changed = Vec::new();
        if let Some(step) = step {
            opened.check.stage = opened.after(step, "id")?;
            if step == CheckStep::Settle {
                changed = refresh(write, &mut opened).await?;
            }
        }
        let done = Done {
            action: "moveHealthCheck",
            before: &before,
            told: json!({ "rectificationId": moved.id, "state": moved.after.as_str() }),
            changed,
        };
        save(write, opened, done).await?;
        Ok(())
    })
}
