//! `submitRectification`: a branch says that a problem is put right.

use super::{
    model::Step,
    step::{Done, StepWithNote, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// ASSIGNED → SUBMITTED; who submitted it last never closes it.
pub async fn submit(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &StepWithNote,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let step = begin(write, grant, input.id, input.version, Step::Submit, &mut refusals);
    let Stepping { row, to } = step.await?;
    let note = note(&input.note, &mut refusals);
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };

    let mut after = row.clone();
    after.state = to;
    after.submitted_by = Some(write.actor().subject.clone());
    let done = Done::by_caller(write, "submitRectification", note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
