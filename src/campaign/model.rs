//! What a campaign is: its year, its template of health checks, its plan for gold branches.

use chrono::NaiveDate;

use crate::kernel::{
    id::CampaignId,
    message::Message,
    names::stored_names,
    period::Period,
    refusal::{Refusal, RefusalCode},
};

stored_names! {
    /// The contract's `Aspect`: six of the regular items, and the tailored items of a domain.
    Aspect {
        /// 组织建设
        Organization => "ORGANIZATION",
        /// 教育管理
        Education => "EDUCATION",
        /// 议事决策
        DecisionMaking => "DECISION_MAKING",
        /// 组织生活
        OrganizationalLife => "ORGANIZATIONAL_LIFE",
        /// 作用发挥
        Role => "ROLE",
        /// 基础保障
        Support => "SUPPORT",
        /// 个性体检
        Tailored => "TAILORED",
    }
}

stored_names! {
    /// The contract's `Verification`: how an item is judged.
    Verification {
        /// 由记录计算
        Computed => "COMPUTED",
        /// 佐证材料
        Evidence => "EVIDENCE",
        /// 自主申报
        SelfDeclared => "SELF_DECLARED",
    }
}

/// Why a campaign is not opened, or its plan not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignError {
    /// No year that a campaign can be of.
    Year,
    /// The window does not lie in the year.
    Window(i32),
    /// There is no such template.
    Template,
    /// The year has its campaign.
    IsOpen(i32),
    /// The year has none.
    None(i32),
    /// Somebody has applied by the plan.
    HasApplications,
    /// No quota.
    Quota(i32),
    /// No percentage.
    Percent,
    /// More minimums than there are domains.
    Domains,
    /// A domain stands twice.
    DomainTwice(&'static str),
    /// No minimum.
    Minimum(i32),
    /// The minimums are more than the quota.
    Minimums(i64, i32),
}

impl CampaignError {
    fn path(&self) -> &'static [&'static str] {
        match self {
            Self::Window(_) => &["windowFrom"],
            Self::Template => &["templateVersion"],
            Self::HasApplications => &["gold"],
            _ => &["year"],
        }
    }

    /// As a refusal about a part of the input.
    pub fn refusal(&self, path: &[&str]) -> Refusal {
        let message = match self {
            Self::Year => Message::new("年度须在1921至9998之间", "The year must be from 1921 to 9998"),
            Self::Window(year) => Message::new(
                format!("起止日期须在{year}年内，且起始不晚于截止"),
                format!("The window must lie in {year} and begin no later than it ends"),
            ),
            Self::Template => {
                return Refusal::not_found(path, Message::new("体检清单版本", "version of the template"));
            }
            Self::IsOpen(year) => {
                let message = Message::new(
                    format!("{year}年度的活动已经开启"),
                    format!("The campaign of {year} is open already"),
                );
                return Refusal::new(RefusalCode::AlreadyExists, path, message);
            }
            Self::None(year) => {
                let what = Message::new(format!("{year}年度的活动"), format!("campaign of {year}"));
                return Refusal::not_found(path, what);
            }
            Self::HasApplications => {
                let message = Message::new(
                    "已有支部申报，评选方案不能再改",
                    "A branch has applied: the plan cannot be changed any more",
                );
                return Refusal::rule(path, message);
            }
            Self::Quota(most) => Message::new(
                format!("总名额须在1至{most}之间"),
                format!("The quota must be from 1 to {most}"),
            ),
            Self::Percent => Message::new(
                "积分靠前比例须在1至100之间",
                "The percentage must be from 1 to 100",
            ),
            Self::Domains => Message::new("每个领域至多一项最低名额", "Each domain has one minimum at most"),
            Self::DomainTwice(domain) => Message::new(
                format!("领域 {domain} 重复"),
                format!("The domain {domain} stands twice"),
            ),
            Self::Minimum(most) => Message::new(
                format!("最低名额须在0至{most}之间"),
                format!("A minimum must be from 0 to {most}"),
            ),
            Self::Minimums(sum, quota) => Message::new(
                format!("各领域最低名额合计{sum}，超过总名额{quota}"),
                format!("The minimums add up to {sum}, more than the quota of {quota}"),
            ),
        };
        Refusal::invalid(path, message)
    }
}

impl From<CampaignError> for Refusal {
    fn from(error: CampaignError) -> Self {
        error.refusal(error.path())
    }
}

/// A campaign (一年一主题).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its key.
    pub id: CampaignId,
    /// Its year, of which there is one.
    pub year: i32,
    /// Its theme.
    pub theme: String,
    /// The version of the template that its checks follow.
    pub template_version: i32,
    /// The first day of its window.
    pub window_from: NaiveDate,
    /// The last.
    pub window_to: NaiveDate,
    /// How gold branches are chosen; none where none are.
    pub gold: Option<GoldRules>,
}

/// How many gold branches are chosen, and of whom (总量统筹、领域覆盖); the minimum of each domain stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldRules {
    /// How many in all.
    pub total_quota: i32,
    /// Whether a published brand is one of the criteria.
    pub require_brand: bool,
    /// 积分靠前: the best so many percent of a domain.
    pub top_percent: i32,
    /// By points of this period.
    pub points_period: Period,
}
