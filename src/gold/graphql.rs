//! The gold selection in the API.

mod batches;
mod branch_part;
mod mutation;
mod queries;
mod veto;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
pub use branch_part::BranchGold;
pub use mutation::GoldMutation;
pub use queries::GoldQuery;
pub use veto::{Veto, VetoKind};

use self::batches::{PlanOf, StepsOf};
use super::model;
use crate::{
    branch::graphql::Branch,
    graphql::{
        caller::Caller,
        error::ApiError,
        scalars::{Date, DateTime},
    },
    kernel::id::{GoldApplicationId, NodeId as _},
    organization::graphql::required,
};

/// 金牌申报状态 · Where an application stands: APPLIED → RECOMMENDED or NOT_RECOMMENDED → AWARDED or DECLINED.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::GoldState")]
pub enum GoldState {
    /// 已申报 · It lies with the committee.
    Applied,
    /// 已推荐 · It lies with the district.
    Recommended,
    /// 未推荐 · The committee did not recommend it.
    NotRecommended,
    /// 已审定表彰 · The branch is gold.
    Awarded,
    /// 未通过审定 · The district declined.
    Declined,
    /// 撤回 · The branch took it back, or ended.
    Withdrawn,
    /// 一票否决 · A veto holds it; when the last one is lifted it returns to the state it had.
    Vetoed,
    /// 撤销称号 · The district took the title away.
    Revoked,
}

/// 评比条件 · 三正一负, explained: how a branch stands against the four criteria.
pub struct GoldEligibility {
    row: Arc<model::Eligibility>,
}

impl GoldEligibility {
    /// The API's form of a standing.
    pub fn new(row: impl Into<Arc<model::Eligibility>>) -> Self {
        Self { row: row.into() }
    }
}

/// 评比条件 · 三正一负, explained: how a branch stands against the four criteria.
#[Object]
impl GoldEligibility {
    /// 符合条件 · Whether every criterion is met; the brand's only where the plan asks for one.
    async fn eligible(&self) -> bool {
        self.row.is_eligible()
    }

    /// 体检正向过关 · Whether it passed the health check of the campaign's year.
    async fn health_check_passed(&self) -> bool {
        self.row.health_check == model::CheckStanding::Pass
    }

    /// 积分正向靠前 · Whether its points are among the best of its field.
    async fn points_in_top(&self) -> bool {
        self.row.points.is_in_top()
    }

    /// 形成正向品牌 · Whether it has a published brand.
    async fn has_brand(&self) -> bool {
        self.row.brand.published
    }

    /// 一票否决 · Whether a veto is open; which, only the district is shown.
    async fn vetoed(&self) -> bool {
        self.row.vetoed
    }

    /// 说明 · One sentence a criterion, in the caller's language.
    async fn reasons(&self, ctx: &Context<'_>) -> Result<Vec<String>, ApiError> {
        let lang = Caller::of(ctx)?.lang;
        let criteria = self.row.criteria();
        Ok(criteria
            .iter()
            .map(|criterion| criterion.sentence.text(lang).to_owned())
            .collect())
    }
}

/// An application that the caller may see.
#[derive(Clone)]
pub struct GoldApplication {
    row: Arc<model::Application>,
}

impl GoldApplication {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Application>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads an application together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: GoldApplicationId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 金牌申报 · A branch's application for the title of a gold branch, one a campaign.
#[Object]
impl GoldApplication {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 申报支部 · Who applied.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 年度 · The campaign's year.
    async fn year(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        required(
            Caller::of(ctx)?
                .load(PlanOf(self.row.campaign_id))
                .await?
                .map(|plan| plan.year),
        )
    }

    /// 状态 · Where it stands.
    async fn state(&self) -> GoldState {
        self.row.state.into()
    }

    /// 申报材料 · What the branch says for itself.
    async fn statement(&self) -> &str {
        &self.row.statement
    }

    /// 评比条件 · How the branch stood against the criteria at the last step, frozen.
    async fn eligibility(&self) -> GoldEligibility {
        GoldEligibility::new(self.row.eligibility.clone())
    }

    /// 办理过程 · Its steps, in their order.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Vec<GoldStep>, ApiError> {
        let steps = Caller::of(ctx)?.load(StepsOf(self.row.id)).await?;
        let steps = steps.iter().flat_map(|steps| steps.iter().cloned());
        Ok(steps.map(|row| GoldStep { row }).collect())
    }

    /// 表彰日期 · The day of the award; a revocation leaves it as it is.
    async fn awarded_on(&self) -> Option<Date> {
        self.row.awarded_on.map(Date)
    }

    /// 版本 · Grows with every step; a step names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 办理步骤 · A step of an application.
pub struct GoldStep {
    row: model::StepTaken,
}

/// 办理步骤 · A step of an application.
#[Object]
impl GoldStep {
    /// 状态 · The state it led to.
    async fn state(&self) -> GoldState {
        self.row.state.into()
    }

    /// 时间 · When it was taken, by the business clock.
    async fn at(&self) -> DateTime {
        DateTime(self.row.at)
    }

    /// 办理人 · Who took it: the token's opaque subject, or `zhibu` for the service itself.
    async fn by(&self) -> &str {
        &self.row.by
    }

    /// 意见 · Why, in words.
    async fn opinion(&self) -> Option<&str> {
        self.row.opinion.as_deref()
    }
}
