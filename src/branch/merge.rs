//! `mergeBranch`: one branch goes on in another, which answers for its code from then on.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    hooks::{BranchEnded, BranchHooks, BranchPlaced},
    model::{BranchError, MAX_SUCCESSIONS},
    store,
    target::not_found,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BranchId, refusal::Refusal, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write, check_version},
};

/// A merger that was decided.
#[derive(Clone, Debug)]
pub struct MergeBranch {
    /// The branch that ends; None where the caller's id names none.
    pub id: Option<BranchId>,
    /// Its version that was read.
    pub version: i32,
    /// Its successor; None where the caller's id names none.
    pub into: Option<BranchId>,
    /// The day it takes effect: today or earlier.
    pub effective_on: NaiveDate,
    /// Why.
    pub reason: String,
    /// What is to run in the same transaction.
    pub hooks: BranchHooks,
}

/// Merges a branch into another that goes on.
pub async fn merge(write: &mut Write<'_>, grant: &Grant, input: &MergeBranch) -> Result<BranchId, Failure> {
    let id = input.id.ok_or_else(|| not_found(&["id"]))?;
    let into_id = input.into.ok_or_else(|| not_found(&["intoBranchId"]))?;
    let rows = store::lock(write, &[id, into_id]).await?;
    let branch = rows.get(&id).ok_or_else(|| not_found(&["id"]))?;
    let into = rows.get(&into_id).ok_or_else(|| not_found(&["intoBranchId"]))?;
    for id in [id, into_id] {
        grant.require_branch(write.connection(), id).await?;
    }
    check_version(input.version, branch.version)?;
    // A ring cannot be closed through a branch that has ended, but its refusal says what it is.
    let leads_back = store::successions(write.connection(), into_id)
        .await?
        .contains(&id);
    branch.check_merge(into, leads_back).map_err(Refusal::from)?;

    let mut refusals = Refusals::default();
    let today = write.clock().today();
    for one in [branch, into] {
        if refusals
            .take(one.check_effective(input.effective_on, today))
            .is_none()
        {
            break;
        }
    }
    let reason =
        refusals.take(text::prose(&input.reason, text::PROSE_LIMIT).map_err(|e| e.refusal(&["reason"])));
    let length = store::predecessors_in_a_row(write.connection(), id).await?;
    refusals.require(length < MAX_SUCCESSIONS, || {
        BranchError::TooManySuccessions.into()
    });
    refusals.finish()?;

    store::end(write, branch, Some(into_id), input.effective_on).await?;
    let ended = BranchEnded {
        branch: id,
        successor: Some(into_id),
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
        AuditRecord::new("mergeBranch")
            .node(id)
            .before(json!({ "status": branch.status.as_str(), "version": branch.version }))
            .after(json!({
                "status": "MERGED", "successorId": into_id, "endedOn": input.effective_on, "reason": reason,
                "version": branch.version + 1,
            })),
    );
    // The successor answers for more than before, though its own row stands as it was.
    for (id, version) in [(id, branch.version + 1), (into_id, into.version)] {
        write.change(
            Change::new(Topic::Branch, Action::Updated, id)
                .version(version)
                .branches([id]),
        );
    }
    Ok(id)
}
