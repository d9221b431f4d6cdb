//! Health checks in the API.

mod batches;
mod branch_part;
pub mod funnel;
mod inputs;
mod mutations;
mod queries;
mod result;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use self::batches::{ExaminersOf, ResultsOf, VisitsOf};
pub use self::{
    branch_part::BranchHealthCheck,
    mutations::{HealthCheckMutation, HealthCheckPayload},
    queries::{HealthCheckFilter, HealthCheckQuery},
    result::ItemResult,
};
use super::{
    model::{self, aspect_score},
    record::{self, CheckResult},
};
use crate::{
    branch::graphql::Branch,
    campaign::{self, graphql::Aspect},
    graphql::{caller::Caller, connection::Connection, error::ApiError, scalars::Date},
    kernel::id::{HealthCheckId, NodeId as _},
    organization::graphql::required,
    rectification::graphql::{Rectification, of_check},
};

/// 体检阶段 · 自检 → 会诊 → 整改 ⇄ 复查 → 闭环: where a health check stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::CheckStage")]
pub enum CheckStage {
    /// 未开始
    NotStarted,
    /// 自检 · the branch answers
    SelfCheck,
    /// 会诊 · examiners visit and judge
    Consultation,
    /// 整改 · what was found is put right
    Rectification,
    /// 复查 · everything is put right, and is looked at again
    Recheck,
    /// 闭环 · closed, and never changed again
    Closed,
}

/// 体检结果 · What a health check came to: PENDING until the consultation is concluded.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::CheckOutcome")]
pub enum CheckOutcome {
    /// 未定
    Pending,
    /// 通过
    Pass,
    /// 未通过
    Fail,
}

/// 项目判定 · What is said of an item.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::ItemVerdict")]
pub enum ItemVerdict {
    /// 达标
    Met,
    /// 未达标
    NotMet,
    /// 不适用 · leaves the denominator of the score
    NotApplicable,
    /// 未作答
    Unanswered,
}

/// 四个一 · A consultation is complete only with one visit of each kind.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::VisitKind")]
pub enum VisitKind {
    /// 听取一次汇报
    Report,
    /// 组织一次访谈
    Interview,
    /// 查看一批材料
    Materials,
    /// 进行一次反馈
    Feedback,
}

/// 红色体检 · The health check of a branch in a campaign.
#[derive(Clone)]
pub struct HealthCheck {
    row: Arc<record::HealthCheck>,
}

impl HealthCheck {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<record::HealthCheck>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a check together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: HealthCheckId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }

    async fn loaded(&self, ctx: &Context<'_>) -> Result<Arc<Vec<CheckResult>>, ApiError> {
        let key = ResultsOf(self.row.id, self.row.campaign_id);
        let results = Caller::of(ctx)?.load(key).await?;
        Ok(results.unwrap_or_default())
    }
}

/// Hundredths as the contract's Float.
fn score(hundredths: i32) -> f64 {
    f64::from(hundredths) / 100.0
}

/// 红色体检 · The health check of a branch in a campaign: 45 regular items (常规从严) and five of its domain (个性从实). Seen in scope
/// of the branch, and by the examiners it is assigned to.
#[Object]
impl HealthCheck {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 党支部 · Whose it is.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 年度 · Of which year's campaign.
    async fn year(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let campaign: Option<Arc<campaign::Campaign>> = Caller::of(ctx)?.load(self.row.campaign_id).await?;
        Ok(required(campaign)?.year)
    }

    /// 阶段 · Where it stands.
    async fn stage(&self) -> CheckStage {
        self.row.stage.into()
    }

    /// 结果 · PENDING until the consultation is concluded; then as verdicts and open MAJOR rectifications say; frozen when it is
    /// closed. PASS: the regular score is 85 or more, the tailored one 12 or more, every mandatory item is met or not applicable,
    /// and no MAJOR rectification of the check is open, unless the deployment says otherwise.
    async fn outcome(&self) -> CheckOutcome {
        self.row.outcome.into()
    }

    /// 常规得分 · 0 to 100: weights met over weights applicable, in hundredths, half up. Null until an item is answered.
    async fn regular_score(&self) -> Option<f64> {
        self.row.regular_score.map(score)
    }

    /// 个性得分 · 0 to 20. Null until an item is answered.
    async fn tailored_score(&self) -> Option<f64> {
        self.row.tailored_score.map(f64::from)
    }

    /// 各方面得分 · Of each aspect of which an item is answered and applicable, 0 to 100, the tailored items too.
    async fn aspect_scores(&self, ctx: &Context<'_>) -> Result<Vec<AspectScore>, ApiError> {
        if self.row.regular_score.is_none() && self.row.tailored_score.is_none() {
            return Ok(Vec::new());
        }
        let results = self.loaded(ctx).await?;
        let aspects = campaign::Aspect::ALL.iter().filter_map(|aspect| {
            let items = results.iter().filter(|result| result.item.aspect == *aspect);
            let scored = aspect_score(items.map(CheckResult::scored))?;
            Some(AspectScore {
                aspect: (*aspect).into(),
                score: score(scored),
            })
        });
        Ok(aspects.collect())
    }

    /// 项目结果 · What is known of each item, in the order of the template.
    async fn results(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "方面 · Of this aspect only.")] aspect: Option<Aspect>,
    ) -> Result<Vec<ItemResult>, ApiError> {
        let aspect = aspect.map(campaign::Aspect::from);
        let results = self.loaded(ctx).await?;
        let results = results
            .iter()
            .filter(|result| aspect.is_none_or(|aspect| result.item.aspect == aspect));
        Ok(results.cloned().map(ItemResult::new).collect())
    }

    /// 走访记录 · The visits of the consultation (四个一).
    async fn visits(&self, ctx: &Context<'_>) -> Result<Vec<VisitRecord>, ApiError> {
        let visits = Caller::of(ctx)?.load(VisitsOf(self.row.id)).await?;
        let visits = visits.iter().flat_map(|visits| visits.iter());
        Ok(visits
            .map(|visit| VisitRecord {
                kind: visit.kind.into(),
                visited_on: visit.visited_on.into(),
                summary: visit.summary.clone(),
                recorded_by: visit.recorded_by.clone(),
            })
            .collect())
    }

    /// 体检队员 · Who examines it: opaque subjects of tokens.
    async fn examiners(&self, ctx: &Context<'_>) -> Result<Vec<String>, ApiError> {
        let examiners = Caller::of(ctx)?.load(ExaminersOf(self.row.id)).await?;
        Ok(examiners.map(|subjects| subjects.to_vec()).unwrap_or_default())
    }

    /// 综合评价 · What the examiners say of the branch.
    async fn evaluation(&self) -> Option<&str> {
        self.row.evaluation.as_deref()
    }

    /// 问题整改 · What it found, what is due first before the rest.
    async fn rectifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Rectification>, ApiError> {
        of_check(ctx, self.row.id, first, after, last, before).await
    }

    /// 版本 · Grows with every step; a step names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 方面得分 · What an aspect scored.
#[derive(SimpleObject)]
pub struct AspectScore {
    /// 方面 · Which one.
    aspect: Aspect,
    /// 得分 · 0 to 100, the tailored items too.
    score: f64,
}

/// 走访记录 · A visit of a consultation.
#[derive(SimpleObject)]
pub struct VisitRecord {
    /// 类别 · What was done.
    kind: VisitKind,
    /// 日期 · When.
    visited_on: Date,
    /// 情况 · What was seen.
    summary: String,
    /// 记录人 · Who recorded it: a token's opaque subject.
    recorded_by: String,
}
