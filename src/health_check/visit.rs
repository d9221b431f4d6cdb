//! `recordVisit`: one of the four visits of a consultation (四个一).

use chrono::NaiveDate;
use serde_json::json;

use super::{
    model::{CheckError, CheckStep, VisitKind},
    record::Visit,
    step::{Done, begin, require_other_branch, save},
    store,
};
use crate::{
    auth::Grant,
    kernel::{
        id::{BranchId, HealthCheckId},
        text,
    },
    storage::write::{Failure, Refusals, Write},
};

/// A visit as it is recorded.
#[derive(Clone, Debug)]
pub struct RecordVisit {
    /// None where the caller's id names no check.
    pub id: Option<HealthCheckId>,
    /// What was done.
    pub kind: VisitKind,
    /// When; today or earlier, not before the campaign's window.
    pub visited_on: NaiveDate,
    /// What was seen.
    pub summary: String,
    /// The caller's own branch, as its token says.
    pub own: Option<BranchId>,
}

/// Records a visit while the consultation is under way; one of a kind that was recorded before takes its place.
pub async fn record_visit(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RecordVisit,
) -> Result<HealthCheckId, Failure> {
    let mut refusals = Refusals::default();
    let opened = begin(write, grant, input.id, None, "healthCheckId", &mut refusals).await?;
    refusals.take(opened.after(CheckStep::Visit, "healthCheckId"));
    require_other_branch(write, input.own, opened.branch.id, &mut refusals).await?;
    let today = write.clock().today();
    let from = opened.campaign.window_from;
    refusals.require(input.visited_on <= today, || {
        CheckError::VisitInTheFuture(today).into()
    });
    refusals.require(input.visited_on >= from, || CheckError::VisitBefore(from).into());
    let summary = text::prose(&input.summary, text::PROSE_LIMIT);
    let summary = refusals.take(summary.map_err(|error| error.refusal(&["summary"])));
    refusals.finish()?;

    let before = opened.check.clone();
    let visit = Visit {
        health_check_id: before.id,
        kind: input.kind,
        visited_on: input.visited_on,
        summary: summary.unwrap_or_default(),
        recorded_by: write.actor().subject.clone(),
    };
    store::write::save_visit(write, &visit).await?;
    let done = Done {
        action: "recordVisit",
        before: &before,
        told: json!({
            "kind": visit.kind.as_str(), "visitedOn": visit.visited_on, "summary": visit.summary,
        }),
        changed: Vec::new(),
    };
    save(write, opened, done).await
}
