//! `closeHealthCheck` (闭环): the committee closes a check, whose outcome is frozen.

use serde_json::json;

use super::{
    model::CheckStep,
    refresh::refresh,
    step::{Done, begin, save},
    submit::CheckAtVersion,
};
use crate::{
    auth::Grant,
    kernel::id::HealthCheckId,
    storage::write::{Failure, Refusals, Write},
};

/// RECHECK → CLOSED. What records answer is computed a last time; from then on nothing changes the check.
pub async fn close(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CheckAtVersion,
) -> Result<HealthCheckId, Failure> {
    let mut refusals = Refusals::default();
    let opened = begin(write, grant, input.id, Some(input.version), "id", &mut refusals);
    let mut opened = opened.await?;
    let to = refusals.take(opened.after(CheckStep::Close, "id"));
    let to = refusals.finish_with(to)?;

    let before = opened.check.clone();
    let changed = refresh(write, &mut opened).await?;
    opened.check.stage = to;
    let done = Done {
        action: "closeHealthCheck",
        before: &before,
        told: json!({}),
        changed,
    };
    save(write, opened, done).await
}
