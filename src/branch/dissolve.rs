//! `dissolveBranch`: a branch ends without a successor, a temporary one with its task.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    hooks::{BranchEnded, BranchHooks, BranchPlaced},
    store,
    target::{check_current, locked},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BranchId, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// A dissolution that was decided.
#[derive(Clone, Debug)]
pub struct DissolveBranch {
    /// None where the caller's id names no branch.
    pub id: Option<BranchId>,
    /// The version that was read.
    pub version: i32,
    /// The day it takes effect: today or earlier.
    pub effective_on: NaiveDate,
    /// Why.
    pub reason: String,
    /// What is to run in the same transaction.
    pub hooks: BranchHooks,
}

/// Dissolves a branch.
pub async fn dissolve(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &DissolveBranch,
) -> Result<BranchId, Failure> {
    let branch = locked(write, grant, input.id, "id").await?;
    check_current(&branch, input.version, "id")?;
    let id = branch.id;

    let mut refusals = Refusals::default();
    let today = write.clock().today();
    refusals.take(branch.check_effective(input.effective_on, today));
    let reason =
        refusals.take(text::prose(&input.reason, text::PROSE_LIMIT).map_err(|e| e.refusal(&["reason"])));
    refusals.finish()?;

    store::end(write, &branch, None, input.effective_on).await?;
    let ended = BranchEnded {
        branch: id,
        successor: None,
        on: input.effective_on,
    };
    input.hooks.ended(write, &ended).await?;
    let placed = BranchPlaced {
        branch: id,
        before: branch.place(),
        after: None,
    };
    input.hooks.placed(write, &placed).await?;
    write.audit(
        AuditRecord::new("dissolveBranch")
            .node(id)
            .before(json!({ "status": branch.status.as_str(), "version": branch.version }))
            .after(json!({
                "status": "DISSOLVED", "endedOn": input.effective_on, "reason": reason,
                "version": branch.version + 1,
            })),
    );
    write.change(
        Change::new(Topic::Branch, Action::Updated, id)
            .version(branch.version + 1)
            .branches([id]),
    );
    Ok(id)
}
