//! `assignExaminers`: who examines a branch (体检队).

use serde_json::json;

use super::{
    model::{CheckError, CheckStage},
    step::{begin, change, snapshot},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Grant, is_opaque_subject},
    kernel::id::HealthCheckId,
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// Examiners that a check has at most.
const EXAMINERS: usize = 20;

/// Who examines a check from now on.
#[derive(Clone, Debug)]
pub struct AssignExaminers {
    /// None where the caller's id names no check.
    pub id: Option<HealthCheckId>,
    /// The version that was read.
    pub version: i32,
    /// Opaque subjects of tokens; nobody where there is none.
    pub subjects: Vec<String>,
}

/// Assigns examiners in the place of those before, until the check is closed; from then on they are only taken off.
pub async fn assign(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AssignExaminers,
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
    let opened = opened.await?;
    refusals.require(input.subjects.len() <= EXAMINERS, || {
        CheckError::TooManyExaminers(EXAMINERS).into()
    });
    let mut subjects: Vec<String> = Vec::new();
    for (position, subject) in input.subjects.iter().enumerate().take(EXAMINERS) {
        refusals.require(is_opaque_subject(subject), || {
            CheckError::Subject(position.to_string()).into()
        });
        if !subjects.contains(subject) {
            subjects.push(subject.clone());
        }
    }
    let before = opened.check;
    let were = store::examiners(write.connection(), &[before.id]).await?;
    let were = were.get(&before.id).cloned().unwrap_or_default();
    // What was closed is not examined any more; who sees it may still be taken off.
    let takes_off = subjects.len() < were.len() && subjects.iter().all(|subject| were.contains(subject));
    refusals.require(before.stage != CheckStage::Closed || takes_off, || {
        CheckError::Closed.into()
    });
    refusals.finish()?;

    let gone = store::write::assign(write, before.id, &subjects).await?;
    let mut check = before.clone();
    check.version += 1;
    check.updated_at = write.clock().business();
    store::write::save(write, &check).await?;
    write.audit(
        AuditRecord::new("assignExaminers")
            .node(check.id)
            .before(json!({ "check": snapshot(&before), "examiners": were }))
            .after(json!({ "check": snapshot(&check), "examiners": subjects })),
    );
    // Who is not assigned any more is told that it has left its scope.
    write.change(change(Action::Updated, &check).examiners(gone));
    Ok(check.id)
}
