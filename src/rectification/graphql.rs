//! Rectifications in the API.

mod batches;
mod inputs;
mod mutations;
mod queries;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use self::batches::{Listed, OfCheck, OpenOf, StepsOf};
pub use self::{
    inputs::FindingInput,
    mutations::{RectificationMutation, RectificationPayload},
    queries::{RectificationFilter, RectificationOrder, RectificationQuery},
};
use super::{
    model::{self, RectificationOrigin as Origin, RectificationState as State},
    record, store,
};
use crate::{
    branch::graphql::Branch,
    campaign::graphql::Aspect,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        lists::list_of,
        scalars::{Date, DateTime},
    },
    health_check::graphql::HealthCheck,
    kernel::id::{BranchId, HealthCheckId, NodeId as _, RectificationId},
    organization::graphql::required,
    viewer::graphql::Light,
};

/// 问题来源 · Who found a problem.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Origin")]
pub enum RectificationOrigin {
    /// 自检 · the branch itself, in its health check
    SelfCheck,
    /// 会诊 · the examiners of its health check
    Consultation,
    /// 平台巡查 · an inspection, outside of any check
    Inspection,
    /// 系统预警 · the service itself
    Computed,
}

/// 严重程度 · How grave a problem is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Severity")]
pub enum Severity {
    /// 一般
    Minor,
    /// 严重 · a health check does not pass while one is open
    Major,
}

/// 整改状态 · Where a rectification stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "State")]
pub enum RectificationState {
    /// 待交办 · found, and not assigned yet
    Open,
    /// 整改中 · the branch puts it right
    Assigned,
    /// 待验收 · the branch says that it is put right
    Submitted,
    /// 已销号 · somebody else has seen that it is
    Closed,
    /// 已免除 · the district does without it
    Waived,
}

/// 帮扶方式 · How a branch is helped to put a problem right.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::SupportMeans")]
pub enum SupportMeans {
    /// 结对共建
    Pairing,
    /// 领导定点挂钩联系
    LeaderLiaison,
    /// 干部驻点帮扶
    StationedOfficial,
    /// 精准双报到
    DualRegistration,
    /// 组建工作专班
    TaskForce,
}

/// 问题整改 · A problem that is found, prescribed for, put right, checked and closed.
#[derive(Clone)]
pub struct Rectification {
    row: Arc<record::Rectification>,
}

impl Rectification {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<record::Rectification>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a rectification together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: RectificationId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 问题整改 · A problem that is found, prescribed for (开方), put right, checked and closed (销号). Seen in scope of its branch.
#[Object]
impl Rectification {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 党支部 · Whose it is; after a merger the successor's.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 红色体检 · The check that found it, if one did; null for callers who may not see it.
    async fn health_check(&self, ctx: &Context<'_>) -> Option<Result<HealthCheck, ApiError>> {
        nullable(Box::pin(async move {
            match self.row.health_check_id {
                Some(id) => HealthCheck::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        }))
        .await
    }

    /// 来源 · Who found it.
    async fn origin(&self) -> RectificationOrigin {
        self.row.origin.into()
    }

    /// 方面 · What it belongs to.
    async fn aspect(&self) -> Aspect {
        self.row.aspect.into()
    }

    /// 体检项目 · The item it is about.
    async fn item_code(&self) -> Option<&str> {
        self.row.item_code.as_deref()
    }

    /// 问题 · What is wrong.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// 开方 · What is to be done.
    async fn prescription(&self) -> Option<&str> {
        self.row.prescription.as_deref()
    }

    /// 帮扶方式 · How the branch is helped.
    async fn support(&self) -> Vec<SupportMeans> {
        self.row.support.iter().map(|means| (*means).into()).collect()
    }

    /// 严重程度 · How grave it is.
    async fn severity(&self) -> Severity {
        self.row.severity.into()
    }

    /// 状态 · Where it stands.
    async fn state(&self) -> RectificationState {
        self.row.state.into()
    }

    /// 灯色 · GREEN 已销号, BLUE 整改中, AMBER 七日内到期, RED 逾期; of today.
    async fn light(&self, ctx: &Context<'_>) -> Result<Light, ApiError> {
        let caller = Caller::of(ctx)?;
        let light = self.row.light(caller.clock().today(), caller.rules().amber_days);
        Ok(light.into())
    }

    /// 整改期限 · The day by which it is to be put right.
    async fn due_on(&self) -> Date {
        self.row.due_on.into()
    }

    /// 销号日期 · The day it was closed, while it is.
    async fn closed_on(&self) -> Option<Date> {
        self.row.closed_on.map(Date)
    }

    /// 下次复查日期 · 定期复查: 90 days after closing unless set.
    async fn next_review_on(&self) -> Option<Date> {
        self.row.next_review_on.map(Date)
    }

    /// 办理过程 · Every step that was taken, the first one first.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Vec<RectificationStep>, ApiError> {
        let steps = Caller::of(ctx)?.load(StepsOf(self.row.id)).await?;
        let steps = steps.iter().flat_map(|steps| steps.iter().cloned());
        Ok(steps.map(|row| RectificationStep { row }).collect())
    }

    /// 版本 · Grows with every step; a step names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 办理步骤 · A step of a rectification.
pub struct RectificationStep {
    row: model::StepTaken,
}

/// 办理步骤 · A step of a rectification.
#[Object]
impl RectificationStep {
    /// 状态 · Where it led to.
    async fn state(&self) -> RectificationState {
        self.row.state.into()
    }

    /// 时间 · When, by the business clock.
    async fn at(&self) -> DateTime {
        self.row.at.into()
    }

    /// 经办主体 · By whom: a token's opaque subject, or zhibu itself.
    async fn by(&self) -> &str {
        &self.row.by
    }

    /// 说明 · What was said.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }
}

/// The day by which a caller is told lights.
fn today_of(caller: &Caller) -> store::Today {
    store::Today {
        day: caller.clock().today(),
        amber_days: caller.rules().amber_days,
    }
}

/// What rectifications add to a branch.
#[derive(Clone)]
pub struct BranchRectifications {
    branch: BranchId,
}

impl BranchRectifications {
    /// The part of a branch.
    pub fn new(branch: BranchId) -> Self {
        Self { branch }
    }
}

#[Object]
impl BranchRectifications {
    /// 问题整改 · Its rectifications, what is due first before the rest; empty for callers out of its scope.
    #[allow(clippy::too_many_arguments, reason = "the contract's")]
    async fn rectifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<RectificationFilter>,
        #[graphql(desc = "排序 · In which order; DUE_ASC when left out.")] order_by: Option<
            RectificationOrder,
        >,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Rectification>, ApiError> {
        let args = page_args(first, after, last, before);
        let order = order_by.unwrap_or_default().into();
        store::check_page(order, &args)?;
        let Some(filter) = filter.unwrap_or_default().checked() else {
            return Ok(Connection::empty());
        };
        let today = today_of(Caller::of(ctx)?);
        let listed = Listed { filter, order, today };
        list_of(ctx, self.branch, listed, args, Rectification::new).await
    }

    /// 未销号问题数 · How many problems it has still to put right.
    async fn open_rectification_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let count = Caller::of(ctx)?.load(OpenOf(self.branch)).await?;
        Ok(i32::try_from(count.unwrap_or_default()).unwrap_or(i32::MAX))
    }
}

/// The rectifications of a health check that the caller may see, for the slice of these.
pub async fn of_check(
    ctx: &Context<'_>,
    check: HealthCheckId,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<Connection<Rectification>, ApiError> {
    let args = page_args(first, after, last, before);
    store::check_page(store::RectificationOrder::DueAsc, &args)?;
    list_of(ctx, check, OfCheck, args, Rectification::new).await
}
