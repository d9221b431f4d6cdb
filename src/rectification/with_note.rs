//! The steps that are taken with nothing but a note: `submitRectification`, `returnRectification`, `reopenRectification` and
//! `waiveRectification`.

use super::{
    hooks::RectificationHooks,
    model::{Step, days_on},
    record::Rectification,
    step::{Done, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// A step with a note.
#[derive(Clone, Debug)]
pub struct StepWithNote {
    /// None where the caller's id names no rectification.
    pub id: Option<RectificationId>,
    /// The version that was read.
    pub version: i32,
    /// What is said.
    pub note: String,
    /// What is to run in the same transaction.
    pub hooks: RectificationHooks,
}

/// ASSIGNED → SUBMITTED: the branch says that it is put right. Who submitted it last never closes it.
pub async fn submit(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let change = |write: &Write<'_>, after: &mut Rectification| {
        after.submitted_by = Some(write.actor().subject.clone());
    };
    take(write, grant, input, (Step::Submit, "submitRectification"), change).await
}

/// SUBMITTED → ASSIGNED: what a branch submitted is not good enough yet. The due day stays.
pub async fn return_rectification(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    take(
        write,
        grant,
        input,
        (Step::Return, "returnRectification"),
        |_, _| {},
    )
    .await
}

/// CLOSED → ASSIGNED: what was closed is not good any more. A due day that has passed gives way to a new one (docs/domain.md,
/// 15): it would be overdue at once.
pub async fn reopen(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let change = |write: &Write<'_>, after: &mut Rectification| {
        after.closed_on = None;
        after.next_review_on = None;
        let today = write.clock().today();
        if after.due_on < today {
            after.due_on = days_on(today, write.rules().rectification_days);
        }
    };
    take(write, grant, input, (Step::Reopen, "reopenRectification"), change).await
}

/// OPEN, ASSIGNED or SUBMITTED → WAIVED: the district does without it.
pub async fn waive(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    take(
        write,
        grant,
        input,
        (Step::Waive, "waiveRectification"),
        |_, _| {},
    )
    .await
}

async fn take(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
    (step, action): (Step, &'static str),
    change: impl FnOnce(&Write<'_>, &mut Rectification) + Send,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let begun = begin(write, grant, input.id, input.version, step, &mut refusals);
    let Stepping { row, to } = begun.await?;
    let note = note(&input.note, &mut refusals);
    let to = refusals.finish_with(to)?;
    let mut after = row.clone();
    after.state = to;
    change(write, &mut after);
    let done = Done::by_caller(write, action, note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
