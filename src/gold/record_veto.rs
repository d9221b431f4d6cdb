//! `recordVeto` (一票否决): the district records that there is a serious negative fact. What happened is not recorded here: a
//! veto has a kind, a day and the number of the document that says it.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    model::{DOCUMENT_LIMIT, GoldError, Step, Veto, VetoKind},
    step::{Taken, no_branch, plan_of, take},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch::{self, BranchForm},
    kernel::{
        id::{BranchId, VetoId},
        refusal::Refusal,
        text,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// Kept with the step, so in the users' language, with the English beside it.
const OPINION: &str = "一票否决 · A veto was recorded";

/// Whom it is about, and what there is to say.
#[derive(Clone, Debug)]
pub struct RecordVeto {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// What kind of fact.
    pub kind: VetoKind,
    /// The day of the fact.
    pub occurred_on: NaiveDate,
    /// The number of the document.
    pub document_number: String,
}

/// Records a veto; the branch's applications that are APPLIED or RECOMMENDED are VETOED with it.
pub async fn record_veto(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RecordVeto,
) -> Result<VetoId, Failure> {
    let id = input.branch.ok_or_else(no_branch)?;
    let branch = branch::lock(write, &[id])
        .await?
        .remove(&id)
        .ok_or_else(no_branch)?;
    grant.require_branch(write.connection(), id).await?;

    let mut refusals = Refusals::default();
    refusals.require(branch.is_active(), || GoldError::BranchEnded("branchId").into());
    refusals.require(branch.form != BranchForm::Temporary, || {
        GoldError::Temporary.into()
    });
    let today = write.clock().today();
    refusals.require(input.occurred_on <= today, || {
        GoldError::InTheFuture(today).into()
    });
    let document = text::line(&input.document_number, DOCUMENT_LIMIT);
    let document = refusals.take(document.map_err(|error| error.refusal(&["documentNumber"])));
    let document_number = refusals.finish_with(document)?;

    let new = Veto {
        id: VetoId(0),
        branch_id: id,
        kind: input.kind,
        occurred_on: input.occurred_on,
        document_number,
        lifted_on: None,
    };
    let veto = store::insert_veto(write, &new).await?;
    write.audit(AuditRecord::new("recordVeto").node(veto).after(json!({
        "branchId": id, "kind": new.kind.as_str(), "occurredOn": new.occurred_on,
        "documentNumber": new.document_number,
    })));
    write.change(changed(Action::Created, veto, id));

    let runs = |state: super::GoldState| state.after(Step::Veto).is_ok();
    for application in store::write::lock_of_branch(write, id, runs).await? {
        let to = application.state.after(Step::Veto).map_err(Refusal::from)?;
        let plan = plan_of(write, &application).await?;
        let eligibility = store::eligibility_of(write.connection(), grant.scope(), &plan, id).await?;
        let taken = Taken {
            action: "recordVeto",
            by: &write.actor().subject,
            opinion: Some(OPINION),
            eligibility,
            to,
            before_veto: Some(application.state),
        };
        take(write, &application, taken).await?;
    }
    Ok(veto)
}

/// A change of a veto. Those in scope hear that there is one, and not what it says: nobody but the district is shown it.
pub(super) fn changed(action: Action, id: VetoId, branch: BranchId) -> Change {
    Change::new(Topic::Gold, action, id)
        .branches([branch])
        .in_scope_only(true)
}
