//! `assignRectification`: a committee gives a finding a day, and perhaps another prescription (开方) and support.

use chrono::NaiveDate;

use super::{
    hooks::RectificationHooks,
    model::{Step, SupportMeans, check_due},
    step::{Done, Stepping, begin, note, save},
};
use crate::{
    auth::Grant,
    kernel::{id::RectificationId, text},
    storage::write::{Failure, Refusals, Write},
};

/// What is assigned, and how.
#[derive(Clone, Debug)]
pub struct AssignRectification {
    /// None where the caller's id names no rectification.
    pub id: Option<RectificationId>,
    /// The version that was read.
    pub version: i32,
    /// The day by which it is to be put right.
    pub due_on: NaiveDate,
    /// What is to be done; left out (None), cleared, or given.
    pub prescription: Option<Option<String>>,
    /// How the branch is helped; left out (None) or given.
    pub support: Option<Vec<SupportMeans>>,
    /// What is said.
    pub note: Option<String>,
    /// What is to run in the same transaction.
    pub hooks: RectificationHooks,
}

/// OPEN → ASSIGNED.
pub async fn assign(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AssignRectification,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let step = begin(write, grant, input.id, input.version, Step::Assign, &mut refusals);
    let Stepping { row, to } = step.await?;
    refusals.take(check_due(input.due_on, write.clock().today()));
    let prescription = match &input.prescription {
        None => Some(row.prescription.clone()),
        Some(None) => Some(None),
        Some(Some(given)) => {
            let text = text::prose(given, text::PROSE_LIMIT);
            refusals
                .take(text.map_err(|e| e.refusal(&["prescription"])))
                .map(Some)
        }
    };
    let note = match &input.note {
        Some(given) => note(given, &mut refusals),
        None => None,
    };
    let (to, prescription) = refusals.finish_with(to.zip(prescription))?;

    let mut after = row.clone();
    after.state = to;
    after.due_on = input.due_on;
    after.prescription = prescription;
    if let Some(support) = &input.support {
        after.support.clone_from(support);
    }
    let done = Done::by_caller(write, "assignRectification", note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
