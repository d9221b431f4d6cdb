//! `liftVeto`: the district lifts a veto; with the last open one, applications return to the state they had.

use serde_json::json;

use super::{
    model::{GoldError, GoldState},
    record_veto::changed,
    step::{Taken, plan_of, take},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch,
    kernel::{id::VetoId, message::Message, refusal::Refusal, text},
    live::change::Action,
    storage::{
        StoreError,
        write::{Failure, Refusals, Write},
    },
};

/// Kept with the step. The reason given is not: it may say what happened, and the branch reads its application's steps.
const OPINION: &str = "一票否决已解除 · The veto was lifted";

/// Which veto, and why.
#[derive(Clone, Debug)]
pub struct LiftVeto {
    /// None where the caller's id names no veto.
    pub id: Option<VetoId>,
    /// Why; kept in the audit trail only.
    pub reason: String,
}

/// Lifts a veto today.
pub async fn lift_veto(write: &mut Write<'_>, grant: &Grant, input: &LiftVeto) -> Result<VetoId, Failure> {
    let id = input.id.ok_or_else(no_veto)?;
    let seen = store::veto(write.connection(), id).await?.ok_or_else(no_veto)?;
    grant.require_branch(write.connection(), seen.branch_id).await?;
    branch::lock(write, &[seen.branch_id]).await?;
    let veto = store::lock_veto(write, id).await?.ok_or_else(no_veto)?;

    let mut refusals = Refusals::default();
    let reason = text::prose(&input.reason, text::PROSE_LIMIT);
    let reason = refusals.take(reason.map_err(|error| error.refusal(&["reason"])));
    refusals.take(match veto.lifted_on {
        Some(day) => Err(GoldError::LiftedAlready(day)),
        None => Ok(()),
    });
    refusals.finish()?;

    let today = write.clock().today();
    store::set_lifted(write, id, today).await?;
    write.audit(
        AuditRecord::new("liftVeto")
            .node(id)
            .before(json!({ "liftedOn": null }))
            .after(json!({ "liftedOn": today, "reason": reason })),
    );
    write.change(changed(Action::Updated, id, veto.branch_id));

    if store::has_open(write.connection(), veto.branch_id).await? {
        return Ok(id);
    }
    let vetoed = |state| state == GoldState::Vetoed;
    for application in store::write::lock_of_branch(write, veto.branch_id, vetoed).await? {
        let to = application
            .after_veto()
            .ok_or_else(|| StoreError::Corrupt(format!("{:?} is VETOED out of no state", application.id)))?;
        let plan = plan_of(write, &application).await?;
        let scope = grant.scope();
        let eligibility = store::eligibility_of(write.connection(), scope, &plan, veto.branch_id).await?;
        let taken = Taken {
            action: "liftVeto",
            by: &write.actor().subject,
            opinion: Some(OPINION),
            eligibility,
            to,
            before_veto: None,
        };
        take(write, &application, taken).await?;
    }
    Ok(id)
}

fn no_veto() -> Refusal {
    Refusal::not_found(&["id"], Message::new("该否决记录", "veto"))
}
