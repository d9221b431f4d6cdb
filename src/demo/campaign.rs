//! The year's campaign: its theme, the template that its checks follow, and its plan for gold branches.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    dice::{date, instant},
    health,
};
use crate::{
    branch::Domain,
    campaign::{Campaign, CheckItem, GoldPlan, GoldRules, template},
    kernel::{id::CampaignId, period::Period},
};

/// The campaign's key.
pub(super) const ID: CampaignId = CampaignId(1);
/// The first day of its window.
pub(super) const FROM: NaiveDate = date(health::YEAR, 1, 1);
/// The last.
pub(super) const TO: NaiveDate = date(health::YEAR, 12, 31);
/// Gold branches of the year.
const QUOTA: i32 = 52;
/// The best so many percent of a domain by points may apply.
pub(super) const TOP_PERCENT: i32 = 30;
/// Gold branches of each domain at least.
const MINIMUMS: [(Domain, i32); 7] = [
    (Domain::Rural, 6),
    (Domain::Community, 8),
    (Domain::Government, 6),
    (Domain::PublicInstitution, 6),
    (Domain::StateOwned, 4),
    (Domain::NonPublic, 8),
    (Domain::SocialOrg, 2),
];

/// The items of the template; a test sees to it that the one that is shipped is one.
pub(super) fn items() -> Vec<CheckItem> {
    template::shipped().unwrap_or_default()
}

/// When the template was published: before the campaign was opened.
pub(super) fn template_published_at() -> DateTime<Utc> {
    instant(date(health::YEAR - 1, 12, 20), 10 * 60)
}

/// Points of which period decide about gold: those of the year.
pub(super) fn points_period() -> Period {
    Period::month_of(instant(FROM, 12 * 60)).year()
}

/// The campaign with its plan.
pub(super) fn build() -> (Campaign, GoldPlan) {
    let rules = GoldRules {
        total_quota: QUOTA,
        require_brand: true,
        top_percent: TOP_PERCENT,
        points_period: points_period(),
    };
    let campaign = Campaign {
        id: ID,
        year: health::YEAR,
        theme: "金牌引领·百支齐行".to_owned(),
        template_version: 1,
        window_from: FROM,
        window_to: TO,
        gold: Some(rules.clone()),
    };
    let mut minimums = MINIMUMS.to_vec();
    minimums.sort_unstable();
    (campaign, GoldPlan { rules, minimums })
}
