//! What the steps of a rectification have in common: the rows locked, whether the step is open, and saying what was done.

use serde_json::{Value, json};

use super::{
    hooks::{RectificationHooks, RectificationMoved},
    model::{RectificationError, RectificationState, Step, StepTaken},
    record::Rectification,
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    branch,
    kernel::{
        id::{BranchId, RectificationId},
        message::Message,
        refusal::Refusal,
        text,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write, check_version},
};

/// A rectification with where a step takes it.
pub(super) struct Stepping {
    /// As it stands, locked together with its branch.
    pub row: Rectification,
    /// The state after the step; None where it was refused.
    pub to: Option<RectificationState>,
}

/// Finds and locks what a step is about, for a caller who may take it; whether it can be taken now goes into `refusals`.
pub(super) async fn begin(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<RectificationId>,
    version: i32,
    step: Step,
    refusals: &mut Refusals,
) -> Result<Stepping, Failure> {
    let id = id.ok_or_else(not_found)?;
    let seen = store::by_ids(write.connection(), grant.scope(), &[id])
        .await?
        .remove(&id)
        .ok_or_else(not_found)?;
    // The branch before its parts: a merger that moves them waits here, or is waited for.
    let branch = branch::lock(write, &[seen.branch_id])
        .await?
        .remove(&seen.branch_id)
        .ok_or_else(not_found)?;
    // After the lock: a branch that has just moved elsewhere is somebody else's.
    grant.require_branch(write.connection(), seen.branch_id).await?;
    let row = store::lock(write, id).await?.ok_or_else(not_found)?;
    if row.branch_id != seen.branch_id {
        // It has just moved to a successor, whose row is not locked.
        return Err(Refusal::version(version, row.version).into());
    }
    grant
        .require_check(write.connection(), row.health_check_id)
        .await?;
    require_other_branch(write, grant, row.branch_id, "id", refusals).await?;
    refusals.require(branch.is_active(), || {
        RectificationError::BranchEnded("id").into()
    });
    // Who read another version is told no more about a state they have not seen.
    let current = refusals.take(check_version(version, row.version)).is_some();
    let to = if current {
        refusals.take(row.state.after(step))
    } else {
        None
    };
    Ok(Stepping { row, to })
}

/// Nobody examines their own branch, nor one that it was merged into; `field` is the input's.
pub(super) async fn require_other_branch(
    write: &Write<'_>,
    grant: &Grant,
    branch: BranchId,
    field: &'static str,
    refusals: &mut Refusals,
) -> Result<(), Failure> {
    let is_own = match grant.extent() {
        Extent::Assigned { own: Some(own), .. } => {
            branch::is_or_became(write.connection(), own, branch).await?
        }
        Extent::Assigned { own: None, .. } => true,
        _ => false,
    };
    refusals.require(!is_own, || RectificationError::OwnBranch(field).into());
    Ok(())
}

/// A note that a step takes, into `refusals`.
pub(super) fn note(given: &str, refusals: &mut Refusals) -> Option<String> {
    refusals.take(text::prose(given, text::PROSE_LIMIT).map_err(|e| e.refusal(&["note"])))
}

/// NOT_FOUND of the rectification that the input names.
fn not_found() -> Refusal {
    Refusal::not_found(&["id"], Message::new("该整改问题", "rectification"))
}

/// What was done, in a word for the audit trail, and what was said about it.
pub(super) struct Done<'a> {
    /// The mutation.
    pub action: &'static str,
    /// The note of the step.
    pub note: Option<&'a str>,
    /// Who took it: the caller, or the service itself.
    pub by: String,
}

impl<'a> Done<'a> {
    /// By the caller.
    pub fn by_caller(write: &Write<'_>, action: &'static str, note: Option<&'a str>) -> Self {
        Self {
            action,
            note,
            by: write.actor().subject.clone(),
        }
    }
}

/// Writes a rectification after a step: its row, the step, the audit trail, the change log, and what it sets off above.
pub(super) async fn save(
    write: &mut Write<'_>,
    done: Done<'_>,
    before: &Rectification,
    mut after: Rectification,
    hooks: &RectificationHooks,
) -> Result<RectificationId, Failure> {
    let now = write.clock().business();
    after.version = before.version + 1;
    after.updated_at = now;
    store::save(write, &after).await?;
    let step = StepTaken {
        rectification_id: after.id,
        state: after.state,
        at: now,
        by: done.by,
        note: done.note.map(str::to_owned),
    };
    store::insert_step(write, &step).await?;
    write.audit(
        AuditRecord::new(done.action)
            .node(after.id)
            .before(snapshot(before, None))
            .after(snapshot(&after, done.note)),
    );
    write.change(change(Action::Updated, &after, before.branch_id));
    if before.state != after.state {
        let moved = RectificationMoved {
            id: after.id,
            branch: after.branch_id,
            health_check: after.health_check_id,
            before: Some(before.state),
            after: after.state,
        };
        hooks.moved(write, &moved).await?;
    }
    Ok(after.id)
}

/// A rectification for the audit trail.
pub(super) fn snapshot(row: &Rectification, note: Option<&str>) -> Value {
    let support: Vec<&str> = row.support.iter().map(|means| means.as_str()).collect();
    json!({
        "branchId": row.branch_id, "healthCheckId": row.health_check_id, "origin": row.origin.as_str(),
        "aspect": row.aspect.as_str(), "itemCode": row.item_code, "title": row.title,
        "prescription": row.prescription, "support": support, "severity": row.severity.as_str(),
        "state": row.state.as_str(), "dueOn": row.due_on, "closedOn": row.closed_on,
        "nextReviewOn": row.next_review_on, "submittedBy": row.submitted_by, "version": row.version,
        "note": note,
    })
}

/// A change of a rectification, for those in scope of its branch, the one it was before too.
pub(super) fn change(action: Action, row: &Rectification, before: BranchId) -> Change {
    let mut branches = vec![row.branch_id];
    if before != row.branch_id {
        branches.push(before);
    }
    Change::new(Topic::Rectification, action, row.id)
        .version(row.version)
        .branches(branches)
        .in_scope_only(true)
}
