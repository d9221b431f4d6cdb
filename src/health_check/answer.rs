//! `answerCheckItems`: the branch answers items of its self-check (自检); in the recheck (复查) an examiner turns verdicts whose
//! problem is closed.

use serde_json::json;

use super::{
    answers::{By, GivenAnswer, put_down},
    model::{CheckError, CheckStep, ItemVerdict},
    refresh::refresh,
    step::{Done, Opened, begin, require_other_branch, save},
};
use crate::{
    auth::{Extent, Grant},
    kernel::id::{BranchId, HealthCheckId},
    rectification::{self, RectificationState},
    storage::{
        StoreError,
        write::{Failure, Refusals, Write},
    },
};

/// Answers to items of a check.
#[derive(Clone, Debug)]
pub struct AnswerCheckItems {
    /// None where the caller's id names no check.
    pub id: Option<HealthCheckId>,
    /// The version that was read.
    pub version: i32,
    /// The answers; each item once.
    pub answers: Vec<GivenAnswer>,
    /// The caller's own branch, as its token says.
    pub own: Option<BranchId>,
}

/// NOT_STARTED or SELF_CHECK → SELF_CHECK by the branch; RECHECK by an examiner, who stays there.
pub async fn answer(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AnswerCheckItems,
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
    let by = match grant.extent() {
        Extent::Assigned { .. } => By::Examiner,
        _ => By::Branch,
    };
    let step = match by {
        By::Branch => CheckStep::Answer,
        By::Examiner => CheckStep::Reexamine,
    };
    let Some(to) = refusals.take(opened.after(step, "healthCheckId")) else {
        // Answers are another thing in another stage.
        return Err(refusals.refuse());
    };
    refusals.require(!input.answers.is_empty(), || CheckError::NoAnswers.into());
    let before = opened.check.clone();
    let mut changed = Vec::new();
    if by == By::Examiner {
        require_other_branch(write, input.own, opened.branch.id, &mut refusals).await?;
        changed = refresh(write, &mut opened).await?;
        require_put_right(write, &opened, (&input.answers, &changed), &mut refusals).await?;
    }
    let answered = put_down(write, &mut opened, &input.answers, (by, "answers"), &mut refusals);
    let answered = answered.await?;
    refusals.finish()?;

    opened.check.stage = to;
    changed.extend(answered);
    let done = Done {
        action: "answerCheckItems",
        before: &before,
        told: json!({}),
        changed,
    };
    save(write, opened, done).await
}

/// In the recheck a verdict is turned to MET only, when the latest problem about its item is closed.
async fn require_put_right(
    write: &Write<'_>,
    opened: &Opened,
    (answers, counted): (&[GivenAnswer], &[String]),
    refusals: &mut Refusals,
) -> Result<(), StoreError> {
    let latest =
        rectification::latest_of_items(write.connection(), opened.branch.id, opened.check.id).await?;
    for (position, answer) in answers.iter().enumerate() {
        let position = position.to_string();
        let path = ["answers", position.as_str()];
        let code = answer.code();
        let result = opened.results.iter().find(|result| result.item.code == code);
        // What the check does not have is refused with the answers.
        let Some(result) = result else { continue };
        if counted.contains(&code) && result.verdict == answer.verdict {
            // Records that came late have just turned it.
            continue;
        }
        let turns = result.verdict == ItemVerdict::NotMet && answer.verdict == ItemVerdict::Met;
        let is_closed = latest.get(&code) == Some(&RectificationState::Closed);
        refusals.require(turns, || CheckError::OnlyToMet(code.clone()).at(&path));
        refusals.require(!turns || is_closed, || {
            CheckError::NotPutRight(code.clone()).at(&path)
        });
    }
    Ok(())
}
