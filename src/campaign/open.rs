//! `openCampaign`: a year begins.

use chrono::{Datelike as _, NaiveDate};
use serde_json::json;

use super::{
    hooks::CampaignHooks,
    model::{Campaign, CampaignError},
    plan::{GivenPlan, check, told},
    store,
    template::{campaign_changed, latest},
};
use crate::{
    audit::AuditRecord,
    kernel::{id::CampaignId, refusal::Refusal, text},
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// Characters of a theme at most.
const THEME: usize = 200;

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct OpenCampaign {
    /// Its year.
    pub year: i32,
    /// Its theme as it was given.
    pub theme: String,
    /// The template that its checks follow; the latest where none is given.
    pub template_version: Option<i32>,
    /// The first day of its window.
    pub window_from: NaiveDate,
    /// The last.
    pub window_to: NaiveDate,
    /// How gold branches are chosen, where any are.
    pub gold: Option<GivenPlan>,
    /// What is to run in the same transaction.
    pub hooks: CampaignHooks,
}

/// Opens the campaign of a year, of which there is one; its window lies in the year.
pub async fn open(write: &mut Write<'_>, input: &OpenCampaign) -> Result<CampaignId, Failure> {
    let mut refusals = Refusals::default();
    refusals.require((1921..=9998).contains(&input.year), || CampaignError::Year.into());
    let theme = refusals.take(text::line(&input.theme, THEME).map_err(|error| error.refusal(&["theme"])));
    refusals.require(
        input.window_from <= input.window_to
            && input.window_from.year() == input.year
            && input.window_to.year() == input.year,
        || CampaignError::Window(input.year).into(),
    );
    let plan = input
        .gold
        .as_ref()
        .and_then(|gold| check(gold, input.year, &mut refusals));
    let template = match input.template_version {
        Some(version) => store::has_template(write.connection(), version)
            .await?
            .then_some(version),
        None => Some(latest(write).await?),
    };
    refusals.require(template.is_some(), || CampaignError::Template.into());
    // Two calls at once would both find the year free.
    write.lock("campaign", &input.year.to_string()).await?;
    let is_open = store::by_year(write.connection(), input.year).await?.is_some();
    refusals.require(!is_open, || CampaignError::IsOpen(input.year).into());
    refusals.finish()?;

    let mut campaign = Campaign {
        // The database gives the key.
        id: CampaignId(0),
        year: input.year,
        theme: theme.unwrap_or_default(),
        template_version: template.ok_or_else(|| Refusal::from(CampaignError::Template))?,
        window_from: input.window_from,
        window_to: input.window_to,
        gold: None,
    };
    campaign.id = store::insert(write, &campaign).await?;
    if let Some(plan) = &plan {
        store::save_plan(write, campaign.id, plan).await?;
        campaign.gold = Some(plan.rules.clone());
    }
    write.audit(AuditRecord::new("openCampaign").node(campaign.id).after(json!({
        "year": campaign.year, "theme": campaign.theme, "templateVersion": campaign.template_version,
        "windowFrom": campaign.window_from, "windowTo": campaign.window_to,
        "gold": plan.as_ref().map(told),
    })));
    write.change(campaign_changed(Action::Created, campaign.id));
    input.hooks.opened(write, &campaign).await?;
    Ok(campaign.id)
}
