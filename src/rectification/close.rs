//! `closeRectification` (销号): somebody else than who submitted it finds that it is put right.

use chrono::NaiveDate;

use super::{
    hooks::RectificationHooks,
    model::{RectificationError, Step, next_review},
    step::{Done, Stepping, begin, note, save},
    store,
};
use crate::{
    auth::Grant,
    kernel::id::RectificationId,
    storage::write::{Failure, Refusals, Write},
};

/// What is closed or reviewed, and when it is to be looked at next.
#[derive(Clone, Debug)]
pub struct CloseRectification {
    /// None where the caller's id names no rectification.
    pub id: Option<RectificationId>,
    /// The version that was read.
    pub version: i32,
    /// What is said.
    pub note: String,
    /// The next review; so many days on when left out.
    pub next_review_on: Option<NaiveDate>,
    /// What is to run in the same transaction.
    pub hooks: RectificationHooks,
}

/// SUBMITTED → CLOSED, never by who submitted it.
pub async fn close(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CloseRectification,
) -> Result<RectificationId, Failure> {
    look_at(write, grant, input, Step::Close, "closeRectification").await
}

/// Closes it, or finds it still good: both set the next review.
pub(super) async fn look_at(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CloseRectification,
    step: Step,
    action: &'static str,
) -> Result<RectificationId, Failure> {
    let mut refusals = Refusals::default();
    let begun = begin(write, grant, input.id, input.version, step, &mut refusals);
    let Stepping { row, to } = begun.await?;
    let today = write.clock().today();
    if step == Step::Close && to.is_some() {
        let subject = &write.actor().subject;
        let has_submitted = store::has_submitted(write.connection(), row.id, subject).await?;
        refusals.require(!has_submitted, || RectificationError::OwnSubmission.into());
    }
    let next = next_review(input.next_review_on, today, write.rules().review_days);
    let next = refusals.take(next);
    let note = note(&input.note, &mut refusals);
    let (to, next) = refusals.finish_with(to.zip(next))?;

    let mut after = row.clone();
    after.state = to;
    if step == Step::Close {
        after.closed_on = Some(today);
    }
    after.next_review_on = Some(next);
    let done = Done::by_caller(write, action, note.as_deref());
    save(write, done, &row, after, &input.hooks).await
}
