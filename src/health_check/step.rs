//! What the steps of a check share: the rows locked, whether the step is open, and keeping what was done.

use serde_json::{Value, json};

use super::{
    model::{CheckError, CheckStage, CheckStep, ItemVerdict},
    record::{CheckResult, HealthCheck, judge, scores},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    branch::{self, Branch},
    campaign::{self, Campaign},
    kernel::{
        id::{BranchId, HealthCheckId},
        message::Message,
        refusal::Refusal,
    },
    live::change::{Action, Change, Topic},
    rectification::{self, Raise, RectificationOrigin, Severity},
    storage::{
        StoreError,
        write::{Failure, Refusals, Write, check_version},
    },
};

/// A check with its branch, both locked until the transaction ends.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// As it stands.
    pub check: HealthCheck,
    /// Whose it is.
    pub branch: Branch,
    /// The campaign that it belongs to.
    pub campaign: Campaign,
    /// Its results, in the order of the template.
    pub results: Vec<CheckResult>,
}

/// Finds and locks the check that a step is about, for a caller who may take it. What is wrong with it goes into `refusals`; of
/// whoever read another version nothing more is checked.
pub(super) async fn begin(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<HealthCheckId>,
    version: Option<i32>,
    field: &'static str,
    refusals: &mut Refusals,
) -> Result<Opened, Failure> {
    let not_found = || Refusal::not_found(&[field], Message::new("该体检", "health check"));
    let id = id.ok_or_else(not_found)?;
    let seen = store::by_ids(write.connection(), grant.scope(), &[id]).await?;
    let seen = seen.get(&id).ok_or_else(not_found)?;
    // The branch before its parts, as everywhere.
    let branch = branch::lock(write, &[seen.branch_id])
        .await?
        .remove(&seen.branch_id)
        .ok_or_else(not_found)?;
    grant.require_branch(write.connection(), seen.branch_id).await?;
    let check = store::write::lock(write, id).await?.ok_or_else(not_found)?;
    if matches!(grant.extent(), Extent::Assigned { .. }) {
        // They may have been taken off it while this waited.
        let seen = store::by_ids(write.connection(), grant.scope(), &[id]).await?;
        seen.get(&id).ok_or_else(not_found)?;
    }
    if let Some(version) = version {
        check_version(version, check.version)?;
    }
    refusals.require(branch.is_active(), || Refusal {
        path: vec![field.to_owned()],
        ..CheckError::BranchEnded.into()
    });
    with_results(write, check, branch).await
}

/// A locked check with what belongs to it.
pub(super) async fn with_results(
    write: &Write<'_>,
    check: HealthCheck,
    branch: Branch,
) -> Result<Opened, Failure> {
    let mut campaigns = campaign::by_ids(write.connection(), &[check.campaign_id]).await?;
    let campaign = campaigns
        .remove(&check.campaign_id)
        .ok_or_else(|| StoreError::Corrupt(format!("no campaign {:?}", check.campaign_id)))?;
    let mut results = store::results(write.connection(), &[(check.id, check.campaign_id)]).await?;
    Ok(Opened {
        results: results.remove(&check.id).unwrap_or_default(),
        check,
        branch,
        campaign,
    })
}

impl Opened {
    /// The stage after a step; its refusal names `field`.
    pub fn after(&self, step: CheckStep, field: &'static str) -> Result<CheckStage, Refusal> {
        self.check.stage.after(step).map_err(|refusal| Refusal {
            path: vec![field.to_owned()],
            ..refusal
        })
    }
}

/// An examiner's own branch is known, and is not the one that is examined, nor was merged into it.
pub(super) async fn require_other_branch(
    write: &Write<'_>,
    own: Option<BranchId>,
    examined: BranchId,
    refusals: &mut Refusals,
) -> Result<(), StoreError> {
    let Some(own) = own else {
        refusals.require(false, || CheckError::NoBranch.into());
        return Ok(());
    };
    let is_own = branch::is_or_became(write.connection(), own, examined).await?;
    refusals.require(!is_own, || CheckError::OwnBranch.into());
    Ok(())
}

/// Raises a rectification for every item that is not met, unless one about it is open with the branch; gives how many. They are due
/// so many days on, and grave where the check does not pass without the item.
pub(super) async fn raise_what_is_not_met(
    write: &mut Write<'_>,
    opened: &Opened,
    origin: RectificationOrigin,
) -> Result<usize, Failure> {
    let open = rectification::open_item_codes(write.connection(), opened.branch.id).await?;
    let due_on = rectification::days_on(write.clock().today(), write.rules().rectification_days);
    let not_met = opened
        .results
        .iter()
        .filter(|result| result.verdict == ItemVerdict::NotMet && !open.contains(&result.item.code));
    let mut raised = 0;
    for result in not_met {
        let item = &result.item;
        let problem = Raise {
            branch: opened.branch.id,
            health_check: Some(opened.check.id),
            origin,
            aspect: item.aspect,
            item_code: Some(item.code.clone()),
            title: item.name_zh.clone(),
            prescription: None,
            support: Vec::new(),
            severity: match item.mandatory {
                true => Severity::Major,
                false => Severity::Minor,
            },
            due_on,
        };
        problem.raise(write).await?;
        raised += 1;
    }
    Ok(raised)
}

/// What was done with a check, and what of its results is another.
pub(super) struct Done<'a> {
    /// The mutation, for the audit trail.
    pub action: &'static str,
    /// How it stood.
    pub before: &'a HealthCheck,
    /// What was said, for the audit trail.
    pub told: Value,
    /// Items whose results changed.
    pub changed: Vec<String>,
}

/// Writes a check after a step: changed results, the scores of all, the outcome where it is judged and not frozen, the audit trail
/// and the change log.
pub(super) async fn save(
    write: &mut Write<'_>,
    mut opened: Opened,
    done: Done<'_>,
) -> Result<HealthCheckId, Failure> {
    let Opened {
        check,
        results,
        branch,
        ..
    } = &mut opened;
    let changed: Vec<&CheckResult> = results
        .iter()
        .filter(|result| done.changed.contains(&result.item.code))
        .collect();
    store::write::save_results(write, check.id, &changed).await?;
    (check.regular_score, check.tailored_score) = scores(results);
    // What an ended branch leaves keeps its outcome.
    let is_closing = check.stage == CheckStage::Closed && done.before.stage.is_judged() && branch.is_active();
    if check.stage.is_judged() || is_closing {
        let open = rectification::open_items(write.connection(), check.id).await?;
        let has_open_major = open.iter().any(|item| item.severity == Severity::Major);
        check.outcome = judge(results, write.rules(), has_open_major);
    }
    check.version = done.before.version + 1;
    check.updated_at = write.clock().business();
    store::write::save(write, check).await?;
    let mut after = snapshot(check);
    if let Some(after) = after.as_object_mut() {
        let verdicts: serde_json::Map<String, Value> = changed_verdicts(results, &done.changed);
        after.insert("verdicts".to_owned(), Value::Object(verdicts));
        after.insert("told".to_owned(), done.told);
    }
    write.audit(
        AuditRecord::new(done.action)
            .node(check.id)
            .before(snapshot(done.before))
            .after(after),
    );
    write.change(change(Action::Updated, check));
    Ok(check.id)
}

fn changed_verdicts(results: &[CheckResult], changed: &[String]) -> serde_json::Map<String, Value> {
    results
        .iter()
        .filter(|result| changed.contains(&result.item.code))
        .map(|result| {
            let verdict = match result.score {
                Some(score) => json!(score),
                None => json!(result.verdict.as_str()),
            };
            (result.item.code.clone(), verdict)
        })
        .collect()
}

/// A check for the audit trail.
pub(super) fn snapshot(check: &HealthCheck) -> Value {
    json!({
        "branchId": check.branch_id, "stage": check.stage.as_str(), "outcome": check.outcome.as_str(),
        "regularScore": check.regular_score, "tailoredScore": check.tailored_score, "version": check.version,
    })
}

/// A change of a check, for those in scope of its branch.
pub(super) fn change(action: Action, check: &HealthCheck) -> Change {
    Change::new(Topic::HealthCheck, action, check.id)
        .version(check.version)
        .branches([check.branch_id])
        .in_scope_only(true)
}
