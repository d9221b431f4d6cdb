//! What the date alone does: lights change, and terms that are over without an election become findings.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    model::{RectificationOrigin, Severity, TERM_ITEM, days_on},
    raise::Raise,
    step::change,
    store,
};
use crate::{
    audit::AuditRecord,
    branch,
    campaign::Aspect,
    live::change::Action,
    storage::{StoreError, write::Write},
};

/// Reports every rectification whose light on `to` is not that of `from`, so that readers and subscribers look again; gives
/// how many. No row changes, so no version grows.
pub async fn move_lights(write: &mut Write<'_>, from: NaiveDate, to: NaiveDate) -> Result<usize, StoreError> {
    let amber_days = write.rules().amber_days;
    let moved = store::whose_light_moved(write.connection(), from, to, amber_days).await?;
    for row in &moved {
        write.change(change(Action::Updated, row, row.branch_id));
    }
    write.audit(
        AuditRecord::new("moveLights")
            .after(json!({ "from": from, "to": to, "rectifications": moved.len() })),
    );
    Ok(moved.len())
}

/// Raises one for every running branch, temporary ones left out, whose term became OVERDUE between the days, unless one for
/// that item is open; gives how many.
pub async fn raise_overdue_terms(
    write: &mut Write<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<usize, StoreError> {
    let ids = branch::whose_term_ended(write.connection(), from, to).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let due_on = days_on(write.clock().today(), write.rules().rectification_days);
    let branches = branch::lock(write, &ids).await?;
    let mut raised = 0;
    for id in ids {
        // Locked now: it may have ended, or held its election, since it was found.
        let over = branches.get(&id).and_then(|branch| {
            branch
                .place()
                .and(branch.term_ends_on)
                .filter(|ends_on| *ends_on < to)
        });
        let Some(ended_on) = over else { continue };
        if store::open_for_item(write.connection(), id, TERM_ITEM).await? {
            continue;
        }
        let finding = Raise {
            branch: id,
            health_check: None,
            origin: RectificationOrigin::Computed,
            aspect: Aspect::Organization,
            item_code: Some(TERM_ITEM.to_owned()),
            // Kept with the rectification, so in the users' language, with the English beside it.
            title: format!("{ended_on} 届满未换届 · The term ended on {ended_on} without an election"),
            prescription: Some("尽快组织换届选举 · Hold the election".to_owned()),
            support: Vec::new(),
            severity: Severity::Major,
            due_on,
        };
        finding.raise(write).await?;
        raised += 1;
    }
    Ok(raised)
}
