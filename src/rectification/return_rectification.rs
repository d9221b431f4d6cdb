//! `returnRectification`: what a branch submitted is not good enough yet.

use super::{
    model::Step,
    step::{Done, StepWithNote, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// SUBMITTED → ASSIGNED; the due day stays.
pub async fn return_rectification(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let step = begin(write, grant, input.id, input.version, Step::Return, &mut refusals);
    let Stepping { row, to } = step.await?;
    let note = note(&input.note, &mut refusals);
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };

    let mut after = row.clone();
    after.state = to;
    let done = Done::by_caller(write, "returnRectification", note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
