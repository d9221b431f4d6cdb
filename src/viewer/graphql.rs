//! The caller in the API.

use async_graphql::{Context, Enum, Object};

use super::todos::{self, TodoNode};
use crate::{
    audit::graphql::Role,
    board::graphql::branch_by_id,
    branch::graphql::Branch,
    brand::graphql::Brand,
    gold::graphql::GoldApplication,
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        node::Node,
        scalars::Date,
    },
    health_check::graphql::HealthCheck,
    kernel::{
        light,
        page::{MAX_PAGE, PageError},
    },
    organization::graphql::{Organization, required},
    pairing::graphql::Pairing,
    points::graphql::PointSource,
    rectification::graphql::Rectification,
};

/// 待办类别 · What is to be done.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "todos::TodoKind")]
pub enum TodoKind {
    /// 换届 · A term is due or over: hold an election.
    HoldElection,
    /// 完成自检 · The branch's self-check is to be answered and handed in.
    AnswerSelfCheck,
    /// 会诊 · A health check that the caller was assigned to is to be examined.
    Examine,
    /// 整改问题 · A problem is to be put right by the branch.
    SubmitRectification,
    /// 验收销号 · What a branch has put right waits to be closed or returned.
    CloseRectification,
    /// 定期复查 · What was closed is to be looked at again.
    ReviewRectification,
    /// 接受结对 · A proposed pairing waits for the branch.
    AcceptPairing,
    /// 审批结对 · A proposed pairing waits for the committee, or for the district across committees.
    ApprovePairing,
    /// 发布品牌 · A submitted brand waits for its committee.
    PublishBrand,
    /// 推荐金牌申报 · An application for gold waits for its committee.
    RecommendGold,
    /// 审定金牌申报 · A recommended application waits for the district.
    DecideGold,
    /// 处理待处理积分 · Entries of a point source wait for a decision.
    ResolveQuarantine,
}

/// 灯色 · How urgent: GREEN 已销号, BLUE 整改中, AMBER 七日内到期, RED 逾期.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "light::Light")]
pub enum Light {
    /// 逾期
    Red,
    /// 七日内到期
    Amber,
    /// 整改中
    Blue,
    /// 已销号
    Green,
}

/// 待办 · One thing that waits for the caller.
pub struct Todo {
    todo: todos::Todo,
}

/// 待办 · One thing that waits for the caller.
#[Object]
impl Todo {
    /// 类别 · What is to be done.
    async fn kind(&self) -> TodoKind {
        self.todo.kind.into()
    }

    /// 标题 · In words, in the caller's language.
    async fn title(&self, ctx: &Context<'_>) -> Result<&str, ApiError> {
        Ok(self.todo.title.text(Caller::of(ctx)?.lang))
    }

    /// 期限 · By when, where there is a day.
    async fn due_on(&self) -> Option<Date> {
        self.todo.due_on.map(Date)
    }

    /// 灯色 · How urgent it is.
    async fn light(&self) -> Light {
        self.todo.light.into()
    }

    /// 对象 · What it is to be done with.
    async fn node(&self, ctx: &Context<'_>) -> Result<Node, ApiError> {
        let caller = Caller::of(ctx)?;
        Ok(match self.todo.node {
            TodoNode::Branch(id) => Node::Branch(required(Branch::load(caller, id).await?)?),
            TodoNode::Pairing(id) => Node::Pairing(required(Pairing::load(caller, id).await?)?),
            TodoNode::Brand(id) => Node::Brand(required(Brand::load(caller, id).await?)?),
            TodoNode::Rectification(id) => {
                Node::Rectification(required(Rectification::load(caller, id).await?)?)
            }
            TodoNode::HealthCheck(id) => Node::HealthCheck(required(HealthCheck::load(caller, id).await?)?),
            TodoNode::GoldApplication(id) => {
                Node::GoldApplication(required(GoldApplication::load(caller, id).await?)?)
            }
            TodoNode::PointSource(id) => Node::PointSource(required(PointSource::load(caller, id).await?)?),
        })
    }
}

/// 当前用户 · Who is asking.
#[derive(Default)]
pub struct Viewer;

/// 当前用户 · Who is asking: role, scope, and the branch or organization they belong to.
#[Object]
impl Viewer {
    /// 主体标识 · The token's opaque subject.
    async fn subject(&self, ctx: &Context<'_>) -> Result<String, ApiError> {
        Ok(Caller::of(ctx)?.requester.subject().to_owned())
    }

    /// 角色 · The token's role.
    async fn role(&self, ctx: &Context<'_>) -> Result<Role, ApiError> {
        Ok(Caller::of(ctx)?.requester.role().into())
    }

    /// 所属组织 · The organization the token is for.
    async fn organization(&self, ctx: &Context<'_>) -> Option<Result<Organization, ApiError>> {
        nullable(async {
            let caller = Caller::of(ctx)?;
            match caller.requester.organization() {
                Some(id) => Organization::load(caller, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 所属支部 · The branch the token is for; an examiner's own.
    async fn branch(&self, ctx: &Context<'_>) -> Option<Result<Branch, ApiError>> {
        nullable(async {
            let caller = Caller::of(ctx)?;
            match caller.requester.branch() {
                Some(id) => branch_by_id(ctx, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 积分来源代码 · The source an adapter may push for.
    async fn source_code(&self, ctx: &Context<'_>) -> Option<Result<String, ApiError>> {
        nullable(async { Ok(Caller::of(ctx)?.requester.source().map(str::to_owned)) }).await
    }

    /// 待办 · What waits for the caller, most urgent first: self-checks to answer, branches to examine, problems to put right, to close or to review, pairings to accept or
    /// approve, brands to publish, terms to renew, applications for gold to recommend or decide about, quarantined points to
    /// decide about.
    async fn todos(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20, desc = "前几条 · The first so many, at most 200.")] first: i32,
    ) -> Result<Vec<Todo>, ApiError> {
        let caller = Caller::of(ctx)?;
        let limit = u32::try_from(first).map_err(|_| PageError::Negative)?;
        if limit > MAX_PAGE {
            return Err(PageError::TooMany(first).into());
        }
        let todos = todos::todos(&caller.database, &caller.requester, limit.into()).await?;
        Ok(todos.into_iter().map(|todo| Todo { todo }).collect())
    }
}

/// The caller's root.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// 当前用户 · Who is asking: role, scope, and the branch or organization they belong to.
    async fn viewer(&self) -> Viewer {
        Viewer
    }
}
