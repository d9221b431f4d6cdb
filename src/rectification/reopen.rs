//! `reopenRectification`: what was closed is not good any more.

use super::{
    model::{Step, days_on},
    step::{Done, StepWithNote, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// CLOSED → ASSIGNED. A due day that has passed gives way to a new one (docs/domain.md, 15): it would be overdue at once.
pub async fn reopen(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let step = begin(write, grant, input.id, input.version, Step::Reopen, &mut refusals);
    let Stepping { row, to } = step.await?;
    let note = note(&input.note, &mut refusals);
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };

    let mut after = row.clone();
    after.state = to;
    after.closed_on = None;
    after.next_review_on = None;
    let today = write.clock().today();
    if after.due_on < today {
        after.due_on = days_on(today, write.rules().rectification_days);
    }
    let done = Done::by_caller(write, "reopenRectification", note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
