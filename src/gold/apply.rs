//! `applyForGold` (自主申报): a branch applies for itself, once a campaign.

use serde_json::json;

use super::{
    model::{Application, GoldError, GoldState},
    step::{changed, no_branch, require_eligible, snapshot},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch::{self, BranchForm},
    kernel::{
        id::{BranchId, GoldApplicationId},
        refusal::RefusalCode,
        text,
    },
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// Who applies, and what it says for itself.
#[derive(Clone, Debug)]
pub struct ApplyForGold {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// The campaign's year.
    pub year: i32,
    /// What the branch says for itself.
    pub statement: String,
}

/// Makes an application, if the branch meets every criterion.
pub async fn apply(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ApplyForGold,
) -> Result<GoldApplicationId, Failure> {
    let id = input.branch.ok_or_else(no_branch)?;
    let seen = branch::by_id(write.connection(), grant.scope(), id).await?;
    seen.ok_or_else(no_branch)?;
    grant.require_branch(write.connection(), id).await?;
    // The campaign before the branch: its plan is not changed while somebody applies under it.
    let found = store::plan_of_year(write.connection(), input.year).await?;
    let plan = match found {
        Some(found) => store::write::lock_campaign(write, found.campaign).await?,
        None => None,
    };
    let branch = branch::lock(write, &[id])
        .await?
        .remove(&id)
        .ok_or_else(no_branch)?;

    let mut refusals = Refusals::default();
    let statement = text::prose(&input.statement, text::PROSE_LIMIT);
    let statement = refusals.take(statement.map_err(|error| error.refusal(&["statement"])));
    refusals.require(plan.is_some(), || GoldError::NoCampaign(input.year).into());
    let plan = match plan {
        Some(plan) if plan.rules.is_none() => {
            refusals.require(false, || GoldError::NoPlan(input.year).into());
            None
        }
        plan => plan,
    };
    let takes_part = branch.is_active() && branch.form != BranchForm::Temporary;
    refusals.require(branch.is_active(), || GoldError::BranchEnded("branchId").into());
    refusals.require(branch.form != BranchForm::Temporary, || {
        GoldError::Temporary.into()
    });
    let is_gold = branch::gold_among(write.connection(), &[id]).await?.contains(&id);
    refusals.require(!is_gold, || GoldError::AlreadyGold("branchId").into());
    if let Some(plan) = &plan {
        let applied = store::write::has_applied(write, plan.campaign, id).await?;
        refusals.require(!applied, || GoldError::AppliedAlready(plan.year).into());
    }
    // How it stands matters only to whom a good standing would help.
    let eligibility = match &plan {
        Some(plan) if takes_part && !is_gold && !refusals.has(RefusalCode::AlreadyExists) => {
            let found = store::eligibility_of(write.connection(), grant.scope(), plan, id).await?;
            require_eligible(&found, &["branchId"], &mut refusals);
            Some(found)
        }
        _ => None,
    };
    let found = statement.zip(plan).zip(eligibility);
    let ((statement, plan), eligibility) = refusals.finish_with(found)?;

    let mut new = Application {
        id: GoldApplicationId(0),
        campaign_id: plan.campaign,
        branch_id: id,
        state: GoldState::Applied,
        before_veto: None,
        statement,
        eligibility,
        awarded_on: None,
        version: 1,
    };
    new.id = store::write::insert(write, &new).await?;
    let by = &write.actor().subject;
    store::write::add_step(write, new.id, new.state, by, None).await?;
    let mut after = snapshot(&new);
    if let Some(after) = after.as_object_mut() {
        after.insert("branchId".to_owned(), json!(new.branch_id));
        after.insert("year".to_owned(), json!(plan.year));
        after.insert("statement".to_owned(), json!(new.statement));
    }
    write.audit(AuditRecord::new("applyForGold").node(new.id).after(after));
    write.change(changed(Action::Created, new.id, id, new.version));
    Ok(new.id)
}
