//! What the steps of an application share: finding and locking it, judging its branch anew, and keeping what was done.

use serde_json::{Value, json};

use super::{
    model::{Application, Eligibility, GoldError, GoldState, Step, who_decided},
    store::{self, Plan},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch::{self, Branch},
    kernel::{
        id::{BranchId, GoldApplicationId},
        message::Message,
        refusal::Refusal,
        text,
    },
    live::change::{Action, Change, Topic},
    storage::{
        StoreError,
        write::{Failure, Refusals, Write, check_version},
    },
};

/// A thing and the version that was read, with why a step is taken.
#[derive(Clone, Debug)]
pub struct Opined {
    /// None where the caller's id names no application.
    pub id: Option<GoldApplicationId>,
    /// The version that was read.
    pub version: i32,
    /// Why, in words; kept with the step.
    pub opinion: String,
}

/// The same for or against it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is decided about, and why.
    pub of: Opined,
    /// For it.
    pub favourable: bool,
}

/// An application with its branch, both locked until the transaction ends.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub application: Application,
    pub branch: Branch,
    pub plan: Plan,
}

/// An application that the caller may see and take steps with, at the version that was read. Who takes or gives back a
/// place of the quota holds the campaign's row first.
pub(super) async fn open(
    write: &Write<'_>,
    grant: &Grant,
    input: &Opined,
    counts_places: bool,
) -> Result<Opened, Failure> {
    let id = input.id.ok_or_else(no_application)?;
    let seen = store::by_ids(write.connection(), grant.scope(), &[id]).await?;
    let seen = seen.get(&id).ok_or_else(no_application)?;
    grant.require_branch(write.connection(), seen.branch_id).await?;
    if counts_places {
        store::write::lock_campaign(write, seen.campaign_id).await?;
    }
    let branch = branch::lock(write, &[seen.branch_id])
        .await?
        .remove(&seen.branch_id);
    let branch = branch.ok_or_else(no_application)?;
    let application = store::write::lock(write, id).await?.ok_or_else(no_application)?;
    check_version(input.version, application.version)?;
    let plan = plan_of(write, &application).await?;
    Ok(Opened {
        application,
        branch,
        plan,
    })
}

/// The plan an application was made under.
pub(super) async fn plan_of(write: &Write<'_>, application: &Application) -> Result<Plan, StoreError> {
    let campaign = application.campaign_id;
    let mut plans = store::plans(write.connection(), &[campaign]).await?;
    plans
        .remove(&campaign)
        .ok_or_else(|| StoreError::Corrupt(format!("no campaign {campaign:?}")))
}

impl Opened {
    /// The state after a step; the only one left to an ended branch is that its title, and its place of the quota, are taken back.
    pub fn after(&self, step: Step) -> Result<GoldState, Refusal> {
        let to = self.application.state.after(step)?;
        if self.branch.is_active() || step == Step::Revoke {
            Ok(to)
        } else {
            Err(GoldError::BranchEnded("id").into())
        }
    }

    /// How the branch stands now.
    pub async fn judge(&self, write: &Write<'_>, grant: &Grant) -> Result<Eligibility, StoreError> {
        let branch = self.application.branch_id;
        store::eligibility_of(write.connection(), grant.scope(), &self.plan, branch).await
    }

    /// Refuses whoever applied or recommended: three different persons decide.
    pub async fn require_another_person(
        &self,
        write: &Write<'_>,
        refusals: &mut Refusals,
    ) -> Result<(), StoreError> {
        let id = self.application.id;
        let steps = store::steps(write.connection(), &[id]).await?.remove(&id);
        let steps = steps.unwrap_or_default();
        let me = write.actor().subject.as_str();
        refusals.require(who_decided(&steps).all(|by| by != me), || {
            GoldError::SamePerson.into()
        });
        Ok(())
    }
}

/// Refuses each criterion that is not met, at a path of the input.
pub(super) fn require_eligible(eligibility: &Eligibility, path: &[&str], refusals: &mut Refusals) {
    for criterion in eligibility.criteria() {
        refusals.require(criterion.met, || Refusal {
            path: path.iter().map(|&part| part.to_owned()).collect(),
            ..GoldError::NotMet(criterion.clone()).into()
        });
    }
}

/// Why a step is taken, in words.
pub(super) fn opinion(given: &str) -> Result<String, Refusal> {
    text::prose(given, text::PROSE_LIMIT).map_err(|error| error.refusal(&["opinion"]))
}

/// What a step makes of an application.
pub(super) struct Taken<'a> {
    /// The mutation that it is part of.
    pub action: &'static str,
    /// Who took it.
    pub by: &'a str,
    /// Why, in words.
    pub opinion: Option<&'a str>,
    /// How the branch stands now.
    pub eligibility: Eligibility,
    /// Where it leads.
    pub to: GoldState,
    /// The state that a veto takes it out of.
    pub before_veto: Option<GoldState>,
}

/// Takes a step against an application, which needs no criterion: only why.
pub(super) async fn end(
    write: &mut Write<'_>,
    grant: &Grant,
    opened: &Opened,
    input: &Opined,
    (step, action): (Step, &'static str),
) -> Result<(), Failure> {
    let mut refusals = Refusals::default();
    let opinion = refusals.take(opinion(&input.opinion));
    let to = refusals.take(opened.after(step));
    let (opinion, to) = refusals.finish_with(opinion.zip(to))?;
    let taken = Taken {
        action,
        by: &write.actor().subject,
        opinion: Some(&opinion),
        eligibility: opened.judge(write, grant).await?,
        to,
        before_veto: None,
    };
    Ok(take(write, &opened.application, taken).await?)
}

/// Writes an application after a step, keeps the step, and says so in the audit trail and the change log.
pub(super) async fn take(
    write: &mut Write<'_>,
    before: &Application,
    taken: Taken<'_>,
) -> Result<(), StoreError> {
    let awarded_on = match taken.to {
        GoldState::Awarded => Some(write.clock().today()),
        _ => before.awarded_on,
    };
    let after = Application {
        state: taken.to,
        before_veto: taken.before_veto,
        eligibility: taken.eligibility,
        awarded_on,
        version: before.version + 1,
        ..before.clone()
    };
    store::write::save(write, &after).await?;
    store::write::add_step(write, after.id, after.state, taken.by, taken.opinion).await?;
    let mut told = snapshot(&after);
    if let (Some(told), Some(opinion)) = (told.as_object_mut(), taken.opinion) {
        told.insert("opinion".to_owned(), opinion.into());
    }
    write.audit(
        AuditRecord::new(taken.action)
            .node(after.id)
            .before(snapshot(before))
            .after(told),
    );
    write.change(changed(Action::Updated, after.id, after.branch_id, after.version));
    Ok(())
}

/// An application for the audit trail, but for what never changes.
pub(super) fn snapshot(application: &Application) -> Value {
    json!({
        "state": application.state.as_str(),
        "beforeVeto": application.before_veto.map(GoldState::as_str),
        "eligibility": application.eligibility,
        "awardedOn": application.awarded_on,
        "version": application.version,
    })
}

/// A change of an application, for those in scope of its branch.
pub(super) fn changed(action: Action, id: GoldApplicationId, branch: BranchId, version: i32) -> Change {
    Change::new(Topic::Gold, action, id)
        .version(version)
        .branches([branch])
        .in_scope_only(true)
}

/// A change of whether a branch is gold, for everybody; its row stays as it was.
pub(super) fn gold_changed(branch: &Branch) -> Change {
    Change::new(Topic::Branch, Action::Updated, branch.id)
        .version(branch.version)
        .branches([branch.id])
}

/// NOT_FOUND of the application that the input names.
pub(super) fn no_application() -> Refusal {
    Refusal::not_found(&["id"], Message::new("该金牌申报", "application for gold"))
}

/// NOT_FOUND of the branch that the input names.
pub(super) fn no_branch() -> Refusal {
    Refusal::not_found(&["branchId"], Message::new("该党支部", "branch"))
}
