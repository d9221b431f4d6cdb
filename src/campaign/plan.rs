//! The plan for gold branches: how many, of which domains, by which criteria; and `updateGoldPlan`.

use serde_json::json;

use super::{
    model::{Campaign, CampaignError, GoldRules},
    store,
    template::campaign_changed,
};
use crate::{
    audit::AuditRecord,
    branch::Domain,
    kernel::{id::CampaignId, period::Period, refusal::Refusal},
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// Gold branches of a district at most: a bound on the input, far above any plan.
const MOST: i32 = 100_000;

/// A plan for gold branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldPlan {
    /// How many, and by which criteria.
    pub rules: GoldRules,
    /// How many of a domain at least, where any; each domain once.
    pub minimums: Vec<(Domain, i32)>,
}

/// A plan as it was given.
#[derive(Clone, Debug)]
pub struct GivenPlan {
    /// How many in all.
    pub total_quota: i32,
    /// How many of a domain at least.
    pub domain_minimums: Vec<(Domain, i32)>,
    /// Whether a published brand is one of the criteria.
    pub require_brand: bool,
    /// The best so many percent of a domain.
    pub top_percent: i32,
    /// By points of this period; of the campaign's year where none is given.
    pub points_period: Option<Period>,
}

/// The plan, or every reason why it is none.
pub(super) fn check(given: &GivenPlan, year: i32, refusals: &mut Refusals) -> Option<GoldPlan> {
    let quota = given.total_quota;
    let at = |field: &'static str| vec!["gold", field];
    refusals.require((1..=MOST).contains(&quota), || {
        CampaignError::Quota(MOST).refusal(&at("totalQuota"))
    });
    refusals.require((1..=100).contains(&given.top_percent), || {
        CampaignError::Percent.refusal(&at("topPercent"))
    });
    if given.domain_minimums.len() > Domain::ALL.len() {
        // One of them at least twice; each of them would be said, however many.
        refusals.require(false, || CampaignError::Domains.refusal(&at("domainMinimums")));
        return None;
    }
    let mut minimums: Vec<(Domain, i32)> = Vec::new();
    for (index, (domain, count)) in given.domain_minimums.iter().enumerate() {
        let index = index.to_string();
        let path = ["gold", "domainMinimums", index.as_str()];
        refusals.require(!minimums.iter().any(|(other, _)| other == domain), || {
            CampaignError::DomainTwice(domain.as_str()).refusal(&path)
        });
        refusals.require((0..=MOST).contains(count), || {
            CampaignError::Minimum(MOST).refusal(&path)
        });
        minimums.push((*domain, *count));
    }
    let sum: i64 = minimums.iter().map(|(_, count)| i64::from(*count)).sum();
    refusals.require(sum <= i64::from(quota), || {
        CampaignError::Minimums(sum, quota).refusal(&at("domainMinimums"))
    });
    let points_period = match given.points_period {
        Some(period) => Some(period),
        None => Period::of_year(year),
    };
    minimums.retain(|(_, count)| *count > 0);
    minimums.sort_unstable();
    Some(GoldPlan {
        rules: GoldRules {
            total_quota: quota,
            require_brand: given.require_brand,
            top_percent: given.top_percent,
            points_period: points_period?,
        },
        minimums,
    })
}

/// Another plan for a year.
#[derive(Clone, Debug)]
pub struct UpdateGoldPlan {
    /// Of which year's campaign.
    pub year: i32,
    /// The plan.
    pub gold: GivenPlan,
}

/// Writes the plan of a campaign, where nobody has applied yet.
pub async fn update(write: &mut Write<'_>, input: &UpdateGoldPlan) -> Result<CampaignId, Failure> {
    let mut refusals = Refusals::default();
    let plan = check(&input.gold, input.year, &mut refusals);
    // Whoever applies holds it too.
    let campaign = store::lock_by_year(write, input.year).await?;
    let Some(campaign) = campaign else {
        refusals.require(false, || CampaignError::None(input.year).into());
        refusals.finish()?;
        return Err(Refusal::from(CampaignError::None(input.year)).into());
    };
    let has_applications = store::has_applications(write.connection(), campaign.id).await?;
    refusals.require(!has_applications, || CampaignError::HasApplications.into());
    refusals.finish()?;
    let Some(plan) = plan else {
        return Err(Refusal::from(CampaignError::Year).into());
    };
    let before = plan_of(write, &campaign).await?;
    store::save_plan(write, campaign.id, &plan).await?;
    write.audit(
        AuditRecord::new("updateGoldPlan")
            .node(campaign.id)
            .before(before.as_ref().map_or(json!(null), told))
            .after(told(&plan)),
    );
    write.change(campaign_changed(Action::Updated, campaign.id));
    Ok(campaign.id)
}

async fn plan_of(write: &Write<'_>, campaign: &Campaign) -> Result<Option<GoldPlan>, Failure> {
    let Some(rules) = &campaign.gold else {
        return Ok(None);
    };
    let minimums = store::minimums(write.connection(), &[campaign.id]).await?;
    Ok(Some(GoldPlan {
        rules: rules.clone(),
        minimums: minimums.get(&campaign.id).cloned().unwrap_or_default(),
    }))
}

/// For the audit trail.
pub(super) fn told(plan: &GoldPlan) -> serde_json::Value {
    let minimums: Vec<_> = plan
        .minimums
        .iter()
        .map(|(domain, count)| json!({ "domain": domain.as_str(), "count": count }))
        .collect();
    json!({
        "totalQuota": plan.rules.total_quota, "requireBrand": plan.rules.require_brand,
        "topPercent": plan.rules.top_percent, "pointsPeriod": plan.rules.points_period.to_string(),
        "domainMinimums": minimums,
    })
}
