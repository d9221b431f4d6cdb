//! `submitSelfCheck`: the branch hands its self-check in (自检 → 会诊).

use serde_json::json;

use super::{
    answers::unanswered,
    model::{CheckError, CheckStep},
    refresh::refresh,
    step::{Done, begin, raise_what_is_not_met, save},
};
use crate::{
    auth::Grant,
    kernel::id::HealthCheckId,
    rectification::RectificationOrigin,
    storage::write::{Failure, Refusals, Write},
};

/// A check, at the version that was read.
#[derive(Clone, Debug)]
pub struct CheckAtVersion {
    /// None where the caller's id names no check.
    pub id: Option<HealthCheckId>,
    /// The version that was read.
    pub version: i32,
}

/// SELF_CHECK → CONSULTATION, when everything is answered. What records answer is computed now; each item that is not met becomes
/// a rectification of origin SELF_CHECK, unless one about it is open.
pub async fn submit(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CheckAtVersion,
) -> Result<HealthCheckId, Failure> {
    let mut refusals = Refusals::default();
    let opened = begin(write, grant, input.id, Some(input.version), "id", &mut refusals);
    let mut opened = opened.await?;
    let to = refusals.take(opened.after(CheckStep::Submit, "id"));
    if to.is_some() {
        let missing = unanswered(&opened.results);
        refusals.require(missing.is_empty(), || CheckError::NotAnswered(missing).into());
    }
    let to = refusals.finish_with(to)?;

    let before = opened.check.clone();
    opened.check.stage = to;
    let mut changed = refresh(write, &mut opened).await?;
    for result in opened.results.iter_mut().filter(|result| result.is_computed()) {
        if result.self_verdict != result.verdict {
            result.self_verdict = result.verdict;
            changed.push(result.item.code.clone());
        }
    }
    let raised = raise_what_is_not_met(write, &opened, RectificationOrigin::SelfCheck).await?;
    let done = Done {
        action: "submitSelfCheck",
        before: &before,
        told: json!({ "rectifications": raised }),
        changed,
    };
    save(write, opened, done).await
}
