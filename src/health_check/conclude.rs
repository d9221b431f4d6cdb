//! `concludeConsultation`: verdicts, evaluation and prescriptions of the examiners (会诊 → 整改, or 复查 when nothing is to be put
//! right).

use serde_json::json;

use super::{
    answers::{By, GivenAnswer, put_down, unanswered},
    model::{CheckError, CheckStep, VisitKind},
    refresh::refresh,
    step::{Done, begin, raise_what_is_not_met, require_other_branch, save},
    store,
};
use crate::{
    auth::Grant,
    campaign::CheckItem,
    kernel::{
        id::{BranchId, HealthCheckId},
        text,
    },
    rectification::{self, Finding, ItemsOf, RectificationOrigin},
    storage::write::{Failure, Refusals, Write},
};

/// Findings of one consultation at most.
const FINDINGS: usize = 50;

/// What the examiners found.
#[derive(Clone, Debug)]
pub struct ConcludeConsultation {
    /// None where the caller's id names no check.
    pub id: Option<HealthCheckId>,
    /// The version that was read.
    pub version: i32,
    /// Their verdicts where they differ from what stands, or add to it.
    pub verdicts: Vec<GivenAnswer>,
    /// What they say of the branch.
    pub evaluation: String,
    /// What they prescribe for.
    pub findings: Vec<Finding>,
    /// The caller's own branch, as its token says.
    pub own: Option<BranchId>,
}

/// CONSULTATION → RECTIFICATION, or RECHECK when nothing is open. Needs one visit of each kind. What records answer is computed anew
/// before the examiners' verdicts, which count; each item then not met becomes a rectification of origin CONSULTATION, unless one
/// about it is open.
pub async fn conclude(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ConcludeConsultation,
) -> Result<HealthCheckId, Failure> {
    let mut refusals = Refusals::default();
    let opened = begin(
        write,
        grant,
        input.id,
        Some(input.version),
        "healthCheckId",
        &mut refusals,
    );
    let mut opened = opened.await?;
    let step = refusals.take(opened.after(CheckStep::ConcludeWithProblems, "healthCheckId"));
    require_other_branch(write, input.own, opened.branch.id, &mut refusals).await?;
    if step.is_none() {
        return Err(refusals.refuse());
    }
    let visits = store::visits(write.connection(), &[opened.check.id]).await?;
    let visits = visits.get(&opened.check.id).map_or(&[][..], Vec::as_slice);
    let is_missing = |kind: &VisitKind| visits.iter().all(|visit| visit.kind != *kind);
    let missing: Vec<VisitKind> = VisitKind::ALL.iter().copied().filter(is_missing).collect();
    refusals.require(missing.is_empty(), || CheckError::MissingVisits(missing).into());

    let before = opened.check.clone();
    let mut changed = refresh(write, &mut opened).await?;
    let verdicts = put_down(
        write,
        &mut opened,
        &input.verdicts,
        (By::Examiner, "verdicts"),
        &mut refusals,
    );
    changed.extend(verdicts.await?);
    // R-LIFE-01 follows what was found of R-ORG-08.
    changed.extend(refresh(write, &mut opened).await?);
    let unanswered = unanswered(&opened.results);
    refusals.require(unanswered.is_empty(), || {
        CheckError::NotAnswered(unanswered).into()
    });
    let evaluation = text::prose(&input.evaluation, text::PROSE_LIMIT);
    let evaluation = refusals.take(evaluation.map_err(|error| error.refusal(&["evaluation"])));
    refusals.require(input.findings.len() <= FINDINGS, || {
        CheckError::TooManyFindings(FINDINGS).into()
    });
    let items: Vec<&CheckItem> = opened.results.iter().map(|result| &result.item).collect();
    let mut findings = Vec::new();
    for (position, finding) in input.findings.iter().enumerate().take(FINDINGS) {
        let position = position.to_string();
        let path = ["findings", position.as_str()];
        let of = ItemsOf::Check(&items);
        findings.extend(finding.check(write, of, &path, &mut refusals).await?);
    }
    refusals.finish()?;

    let origin = RectificationOrigin::Consultation;
    let mut raised = findings.len();
    for finding in findings {
        let problem = finding.with(opened.branch.id, Some(opened.check.id), origin);
        problem.raise(write).await?;
    }
    raised += raise_what_is_not_met(write, &opened, origin).await?;
    let open = rectification::open_items(write.connection(), opened.check.id).await?;
    let step = match open.is_empty() {
        true => CheckStep::ConcludeClean,
        false => CheckStep::ConcludeWithProblems,
    };
    opened.check.stage = opened.after(step, "healthCheckId")?;
    opened.check.evaluation = evaluation;
    let told = json!({ "evaluation": opened.check.evaluation, "rectifications": raised });
    let done = Done {
        action: "concludeConsultation",
        before: &before,
        told,
        changed,
    };
    save(write, opened, done).await
}
