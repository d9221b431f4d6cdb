//! `waiveRectification`: the district does without it.

use super::{
    model::Step,
    step::{Done, StepWithNote, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// OPEN, ASSIGNED or SUBMITTED → WAIVED.
pub async fn waive(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let step = begin(write, grant, input.id, input.version, Step::Waive, &mut refusals);
    let Stepping { row, to } = step.await?;
    let note = note(&input.note, &mut refusals);
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };

    let mut after = row.clone();
    after.state = to;
    let done = Done::by_caller(write, "waiveRectification", note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
