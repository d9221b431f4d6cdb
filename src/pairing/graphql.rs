//! Pairings in the API.

mod batches;
mod mutations;
mod queries;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SelectionField};
use futures_util::future::try_join_all;

use self::batches::{Activities, ActivityBranchesOf, InStates, MemberBranch, MembersOf, StandingGold};
pub use self::{
    mutations::{PairingMutation, PairingPayload},
    queries::{PairingFilter, PairingQuery},
};
use super::{
    model::{self, PairingForm as Form},
    store,
};
use crate::{
    branch::graphql::Branch,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        lists::list_of,
        scalars::{Date, DateTime},
    },
    kernel::id::{BranchId, NodeId as _, PairingActivityId, PairingId},
    organization::graphql::required,
};

/// 结对形式 · How many lead and how many learn.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Form")]
pub enum PairingForm {
    /// 1+N (一对多) · exactly one lead, a gold branch
    OneToMany,
    /// N+N (多对多) · two or more leads, gold branches, and two or more partners
    ManyToMany,
}

/// 结对依据 · What the members have in common.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::PairingBasis")]
pub enum PairingBasis {
    /// 领域区分 · all of one domain
    SameDomain,
    /// 隶属关系 · under one committee
    SameAffiliation,
    /// 跨领域 · of at least two domains
    CrossDomain,
}

/// 结对状态 · Where a pairing stands.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::PairingState")]
pub enum PairingState {
    /// 待同意或待批准 · waits for acceptances or for approval
    Proposed,
    /// 进行中 · every member has accepted, and it is approved
    Active,
    /// 已完成 · ended as planned
    Completed,
    /// 已终止 · ended before, with a reason
    Terminated,
    /// 已驳回 · never became active
    Rejected,
}

/// 结对角色 · What a member is in a pairing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::PairingRole")]
pub enum PairingRole {
    /// 牵头 · a gold branch
    Lead,
    /// 结对 · learns from and helps the leads
    Partner,
}

/// 结对共建 · Branches that learn from and help each other.
#[derive(Clone)]
pub struct Pairing {
    row: Arc<model::Pairing>,
}

impl Pairing {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Pairing>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a pairing together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: PairingId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 结对共建 · Branches that learn from and help each other: 1+N or N+N.
#[Object]
impl Pairing {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 结对形式 · 1+N or N+N.
    async fn form(&self) -> PairingForm {
        self.row.form.into()
    }

    /// 结对依据 · What the members have in common.
    async fn basis(&self) -> PairingBasis {
        self.row.basis.into()
    }

    /// 名称 · What it is called.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// 目标 · What it is for.
    async fn goal(&self) -> Option<&str> {
        self.row.goal.as_deref()
    }

    /// 年度 · The campaign year it belongs to.
    async fn year(&self) -> i32 {
        self.row.year
    }

    /// 状态 · Where it stands.
    async fn state(&self) -> PairingState {
        self.row.state.into()
    }

    /// 成员 · Its branches, leads first, those that left too.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<PairingMember>, ApiError> {
        // Names are what is asked of members nearly always. Whatever more is asked comes with them: one version of all.
        let branch = ctx.look_ahead().field("branch").selection_fields();
        let mut asked = branch.iter().flat_map(SelectionField::selection_set);
        let whole = asked.any(|field| !matches!(field.name(), "id" | "code" | "name" | "__typename"));
        let key = MembersOf {
            pairing: self.row.id,
            whole,
        };
        let members = Caller::of(ctx)?.load(key).await?;
        let members = members.iter().flat_map(|members| members.iter().cloned());
        Ok(members.map(|row| PairingMember { row }).collect())
    }

    /// 开始日期 · Its first day.
    async fn starts_on(&self) -> Date {
        self.row.starts_on.into()
    }

    /// 结束日期 · Its last day, where one was set.
    async fn ends_on(&self) -> Option<Date> {
        self.row.ends_on.map(Date)
    }

    /// 结对活动 · What the members did together, latest first.
    async fn activities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PairingActivity>, ApiError> {
        let args = page_args(first, after, last, before);
        store::check_activity_page(&args)?;
        list_of(ctx, self.row.id, Activities, args, PairingActivity::new).await
    }

    /// 发起支部 · The branch that proposed it; null when a committee or the district did.
    async fn proposed_by(&self, ctx: &Context<'_>) -> Option<Result<Branch, ApiError>> {
        nullable(async {
            match self.row.proposed_by {
                Some(id) => Branch::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 批准时间 · When the committee of all members, or the district, approved.
    async fn approved_at(&self) -> Option<DateTime> {
        self.row.approved_at.map(DateTime)
    }

    /// 牵头支部失去金牌 · Set when a lead has lost its gold since; the pairing goes on.
    async fn lead_lost_gold(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        let caller = Caller::of(ctx)?;
        let key = MembersOf {
            pairing: self.row.id,
            whole: false,
        };
        let members = caller.load(key).await?;
        let leads: Vec<StandingGold> = members
            .iter()
            .flat_map(|members| members.iter())
            .map(|row| &row.member)
            .filter(|member| member.role == model::PairingRole::Lead && member.stays())
            .map(|member| StandingGold(member.branch_id))
            .collect();
        let asked = leads.len();
        Ok(caller.load_many(leads).await?.len() < asked)
    }

    /// 驳回或终止理由 · Why it was rejected or terminated.
    async fn end_reason(&self) -> Option<&str> {
        self.row.end_reason.as_deref()
    }

    /// 版本 · Grows with every step; a step names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 结对成员 · A branch in a pairing.
pub struct PairingMember {
    row: MemberBranch,
}

/// 结对成员 · A branch in a pairing.
#[Object]
impl PairingMember {
    /// 党支部 · The branch.
    async fn branch(&self) -> Branch {
        self.row.branch.clone()
    }

    /// 角色 · Lead or partner.
    async fn role(&self) -> PairingRole {
        self.row.member.role.into()
    }

    /// 同意时间 · When it accepted; null while the others wait for it.
    async fn accepted_at(&self) -> Option<DateTime> {
        self.row.member.accepted_at.map(DateTime)
    }

    /// 退出日期 · Set by a merger or dissolution.
    async fn left_on(&self) -> Option<Date> {
        self.row.member.left_on.map(Date)
    }
}

/// 结对活动 · What members of a pairing did together.
#[derive(Clone)]
pub struct PairingActivity {
    row: Arc<model::PairingActivity>,
}

impl PairingActivity {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::PairingActivity>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads an activity; None where the caller may not see its pairing.
    pub async fn load(caller: &Caller, id: PairingActivityId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 结对活动 · What members of a pairing did together.
#[Object]
impl PairingActivity {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 所属结对 · The pairing.
    async fn pairing(&self, ctx: &Context<'_>) -> Result<Pairing, ApiError> {
        required(Pairing::load(Caller::of(ctx)?, self.row.pairing_id).await?)
    }

    /// 活动日期 · The day it was held.
    async fn held_on(&self) -> Date {
        self.row.held_on.into()
    }

    /// 主题 · What it was about.
    async fn topic(&self) -> &str {
        &self.row.topic
    }

    /// 成果 · What came of it.
    async fn outcome(&self) -> Option<&str> {
        self.row.outcome.as_deref()
    }

    /// 参加支部 · The branches that took part.
    async fn branches(&self, ctx: &Context<'_>) -> Result<Vec<Branch>, ApiError> {
        let caller = Caller::of(ctx)?;
        let ids = caller.load(ActivityBranchesOf(self.row.id)).await?;
        let ids = ids.iter().flat_map(|ids| ids.iter().copied());
        try_join_all(ids.map(|id| async move { required(Branch::load(caller, id).await?) })).await
    }
}

/// What pairings add to a branch.
#[derive(Clone)]
pub struct BranchPairings {
    branch: BranchId,
}

impl BranchPairings {
    /// The part of a branch.
    pub fn new(branch: BranchId) -> Self {
        Self { branch }
    }
}

#[Object]
impl BranchPairings {
    /// 结对 · Its pairings, latest first: those the caller may see.
    async fn pairings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "状态 · In these states; ACTIVE and COMPLETED when left out.")] states: Option<
            Vec<PairingState>,
        >,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Pairing>, ApiError> {
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let pairings = InStates(states_or_public(states));
        list_of(ctx, self.branch, pairings, args, Pairing::new).await
    }
}

/// ACTIVE and COMPLETED when left out.
fn states_or_public(states: Option<Vec<PairingState>>) -> Vec<model::PairingState> {
    match states {
        // At most one each: a repeated one asks for nothing more.
        Some(states) => model::PairingState::ALL
            .iter()
            .copied()
            .filter(|state| {
                states
                    .iter()
                    .any(|asked| model::PairingState::from(*asked) == *state)
            })
            .collect(),
        None => model::PairingState::PUBLIC.to_vec(),
    }
}
