//! What a campaign is: its year, its template of health checks, its plan for gold branches.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::{
    branch::Domain,
    kernel::{
        id::CampaignId,
        message::Message,
        names::stored_names,
        period::Period,
        refusal::{Refusal, RefusalCode},
    },
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

/// Regular items of a template: 45 (**reported**).
pub const REGULAR_ITEMS: usize = 45;
/// Tailored items of a domain: 5 (**reported**).
pub const TAILORED_ITEMS: usize = 5;
/// What the weights of the regular items add up to.
pub const REGULAR_WEIGHT: i32 = 100;
/// What a tailored item scores at most.
pub const TAILORED_WEIGHT: i32 = 4;

/// An item of a template (体检项目).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckItem {
    /// Its code, such as R-ORG-01.
    pub code: String,
    /// What it belongs to.
    pub aspect: Aspect,
    /// The domain of a tailored item; none of a regular one.
    pub domain: Option<Domain>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// How it is judged.
    pub verification: Verification,
    /// Of regular items their share of 100; of tailored ones the most that they score.
    pub weight: i32,
    /// A check does not pass while it is not met.
    pub mandatory: bool,
}

/// Why a template is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// An item's code stands twice.
    #[error("item {0} stands twice")]
    Twice(String),
    /// A regular item of a domain, or a tailored one of none.
    #[error("item {0}: regular items have no domain, tailored ones have one")]
    Domain(String),
    /// Not 45 regular items.
    #[error("{0} regular items; a template has {REGULAR_ITEMS}")]
    Regular(usize),
    /// An aspect without an item.
    #[error("aspect {0} has no item")]
    Aspect(&'static str),
    /// The weights of the regular items do not add up.
    #[error("the weights of the regular items add up to {0}, not {REGULAR_WEIGHT}")]
    Weights(i64),
    /// An item's weight is none.
    #[error("item {0} has the weight {1}; regular items have 1 or more, tailored ones {TAILORED_WEIGHT}")]
    Weight(String, i32),
    /// Not five tailored items of a domain.
    #[error("domain {0} has {1} tailored items; it has {TAILORED_ITEMS}")]
    Tailored(&'static str, usize),
}

/// Everything that is wrong with a template: six aspects, 45 regular items of 100 together, five tailored ones of 4 each for
/// each of the seven domains.
pub fn template_faults(items: &[CheckItem]) -> Vec<TemplateFault> {
    let mut faults = Vec::new();
    let mut codes = BTreeSet::new();
    let mut tailored: BTreeMap<Domain, usize> = BTreeMap::new();
    for item in items {
        if !codes.insert(item.code.as_str()) {
            faults.push(TemplateFault::Twice(item.code.clone()));
        }
        let is_tailored = item.aspect == Aspect::Tailored;
        if is_tailored != item.domain.is_some() {
            faults.push(TemplateFault::Domain(item.code.clone()));
        }
        if let Some(domain) = item.domain {
            *tailored.entry(domain).or_default() += 1;
        }
        if item.weight < 1 || (is_tailored && item.weight != TAILORED_WEIGHT) {
            faults.push(TemplateFault::Weight(item.code.clone(), item.weight));
        }
    }
    let regular: Vec<&CheckItem> = items
        .iter()
        .filter(|item| item.aspect != Aspect::Tailored)
        .collect();
    if regular.len() != REGULAR_ITEMS {
        faults.push(TemplateFault::Regular(regular.len()));
    }
    for aspect in Aspect::ALL.iter().filter(|aspect| **aspect != Aspect::Tailored) {
        if !regular.iter().any(|item| item.aspect == *aspect) {
            faults.push(TemplateFault::Aspect(aspect.as_str()));
        }
    }
    let weights: i64 = regular.iter().map(|item| i64::from(item.weight)).sum();
    if weights != i64::from(REGULAR_WEIGHT) {
        faults.push(TemplateFault::Weights(weights));
    }
    for domain in Domain::ALL {
        let count = tailored.get(domain).copied().unwrap_or_default();
        if count != TAILORED_ITEMS {
            faults.push(TemplateFault::Tailored(domain.as_str(), count));
        }
    }
    faults
}

/// A plan for gold branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldPlan {
    /// How many, and by which criteria.
    pub rules: GoldRules,
    /// How many of a domain at least, where any; each domain once.
    pub minimums: Vec<(Domain, i32)>,
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
