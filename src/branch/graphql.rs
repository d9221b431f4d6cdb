//! Branches in the API.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, MergedObject, Object, SimpleObject, dataloader::Loader};

use super::{
    model::{self},
    store,
};
pub use mutation::BranchMutation;

use crate::{
    board::graphql::{Badge, BranchBadge},
    brand::graphql::{BranchBrand, Brand},
    gold::graphql::BranchGold,
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        loaders::{Batch, Loaded},
        scalars::{Date, DateTime},
    },
    health_check::graphql::BranchHealthCheck,
    kernel::id::{BranchId, NodeId as _},
    organization::graphql::{Organization, required},
    pairing::graphql::BranchPairings,
    points::graphql::BranchPoints,
    rectification::graphql::BranchRectifications,
    training::graphql::BranchTraining,
};

/// 领域 · Field of a branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[graphql(remote = "model::Domain")]
pub enum Domain {
    /// 农村
    Rural,
    /// 社区
    Community,
    /// 机关
    Government,
    /// 事业单位
    PublicInstitution,
    /// 国有企业
    StateOwned,
    /// 非公企业
    NonPublic,
    /// 社会组织
    SocialOrg,
}

/// 组建形式 · How a branch is set up.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[graphql(remote = "model::BranchForm")]
pub enum BranchForm {
    /// 单独组建
    Single,
    /// 联合党支部
    Joint,
    /// 临时党支部 · no election, no health check, no gold application; ends with its task
    Temporary,
}

/// 支部状态 · Whether a branch goes on.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[graphql(remote = "model::BranchStatus")]
pub enum BranchStatus {
    /// 运行
    Active,
    /// 已合并 · resolves to its successor
    Merged,
    /// 已撤销
    Dissolved,
}

/// 任期状态 · Where a branch stands in its term of office.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[graphql(remote = "model::TermState")]
pub enum TermState {
    /// 任期内
    InTerm,
    /// 临近届满(6个月内)
    DueSoon,
    /// 届满未换届
    Overdue,
    /// 临时党支部不适用, or no election recorded yet
    NotApplicable,
}

/// 党支部 · A Party branch.
#[derive(MergedObject, Clone)]
pub struct Branch(
    BranchFields,
    BranchBrand,
    BranchTraining,
    BranchPairings,
    BranchPoints,
    BranchRectifications,
    BranchHealthCheck,
    BranchGold,
    BranchBadge,
);

impl Branch {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Branch>>) -> Self {
        Self::beside(row, Beside::default())
    }

    /// A branch of which only the names were read, because nothing else is asked of it; see `Pairing.members`. Were more
    /// asked, its row would be loaded.
    pub fn named(names: model::BranchNames) -> Self {
        let id = names.id;
        Self::of(id, Known::Names(Arc::new(names)), Beside::default())
    }

    /// A row with what was read beside it.
    pub fn beside(row: impl Into<Arc<model::Branch>>, beside: Beside) -> Self {
        let row = row.into();
        Self::of(row.id, Known::Row(row), beside)
    }

    fn of(id: BranchId, known: Known, beside: Beside) -> Self {
        Self(
            BranchFields {
                id,
                known,
                organization: beside.organization,
                term: beside.term,
                gold: beside.gold,
            },
            BranchBrand::new(id, beside.brand),
            BranchTraining::new(id),
            BranchPairings::new(id),
            BranchPoints::new(id),
            BranchRectifications::new(id),
            BranchHealthCheck::new(id),
            BranchGold::new(id),
            BranchBadge::new(id, beside.badge),
        )
    }

    /// Loads a branch together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: BranchId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }

    /// For the `Node` interface.
    pub async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.id.global().into())
    }
}

/// What one statement read together with a branch's row. None is what it did not read, to be loaded with what siblings
/// ask for.
#[derive(Clone, Default)]
pub struct Beside {
    /// The organization directly above.
    pub organization: Option<Organization>,
    /// The published brand, if it has one.
    pub brand: Option<Option<Brand>>,
    /// The latest term, if it has one.
    pub term: Option<Option<model::Term>>,
    /// Whether it holds a gold title.
    pub gold: Option<bool>,
    /// Its badge.
    pub badge: Option<Badge>,
}

/// The fields that branches have by themselves; other slices add theirs beside them.
#[derive(Clone)]
pub struct BranchFields {
    id: BranchId,
    known: Known,
    organization: Option<Organization>,
    term: Option<Option<model::Term>>,
    gold: Option<bool>,
}

/// What has been read of a branch.
#[derive(Clone)]
enum Known {
    Row(Arc<model::Branch>),
    Names(Arc<model::BranchNames>),
}

impl BranchFields {
    async fn row(&self, ctx: &Context<'_>) -> Result<Arc<model::Branch>, ApiError> {
        match &self.known {
            Known::Row(row) => Ok(row.clone()),
            // Boxed: see `list_of`. Whoever may see its names may see the row.
            Known::Names(_) => required(Box::pin(Caller::of(ctx)?.load(self.id)).await?),
        }
    }
}

#[Object]
impl BranchFields {
    /// 全局标识 · Global id.
    async fn id(&self) -> ID {
        self.id.global().into()
    }

    /// 支部代码 · Its own code.
    async fn code(&self) -> &str {
        match &self.known {
            Known::Row(row) => &row.code,
            Known::Names(names) => &names.code,
        }
    }

    /// 名称 · Its name.
    async fn name(&self) -> &str {
        match &self.known {
            Known::Row(row) => &row.name,
            Known::Names(names) => &names.name,
        }
    }

    /// 领域 · Its field.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Domain, ApiError> {
        Ok(self.row(ctx).await?.domain.into())
    }

    /// 组建形式 · How it is set up.
    async fn form(&self, ctx: &Context<'_>) -> Result<BranchForm, ApiError> {
        Ok(self.row(ctx).await?.form.into())
    }

    /// 状态 · Whether it goes on.
    async fn status(&self, ctx: &Context<'_>) -> Result<BranchStatus, ApiError> {
        Ok(self.row(ctx).await?.status.into())
    }

    /// 隶属组织 · The committee or general branch directly above.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, ApiError> {
        match &self.organization {
            Some(organization) => Ok(organization.clone()),
            None => {
                let above = self.row(ctx).await?.organization_id;
                required(Organization::load(Caller::of(ctx)?, above).await?)
            }
        }
    }

    /// 成立日期 · The day it was founded.
    async fn founded_on(&self, ctx: &Context<'_>) -> Result<Date, ApiError> {
        Ok(self.row(ctx).await?.founded_on.into())
    }

    /// 终止日期 · The day it was merged or dissolved.
    async fn ended_on(&self, ctx: &Context<'_>) -> Option<Result<Date, ApiError>> {
        nullable(async { Ok(self.row(ctx).await?.ended_on.map(Date)) }).await
    }

    /// 党员人数 · Members; counted, never listed.
    async fn member_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(self.row(ctx).await?.member_count)
    }

    /// 办公电话 · Office line; null for callers outside the branch's upward chain.
    async fn contact_phone(&self, ctx: &Context<'_>) -> Option<Result<String, ApiError>> {
        nullable(async {
            let row = self.row(ctx).await?;
            let seen = Caller::of(ctx)?.reaches(row.id, row.organization_id).await?;
            Ok(row.contact_phone.clone().filter(|_| seen))
        })
        .await
    }

    /// 金牌支部 · Whether it holds a gold title that has not been revoked.
    async fn is_gold(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        match self.gold {
            Some(gold) => Ok(gold),
            None => Ok(Caller::of(ctx)?.load(GoldOf(self.id)).await?.is_some()),
        }
    }

    /// 当前届 · The latest term.
    async fn term(&self, ctx: &Context<'_>) -> Option<Result<Term, ApiError>> {
        nullable(async {
            if let Some(term) = &self.term {
                return Ok(term.as_ref().map(Term::new));
            }
            let terms = Caller::of(ctx)?.load(TermsOf(self.id)).await?;
            Ok(terms.and_then(|terms| terms.first().map(Term::new)))
        })
        .await
    }

    /// 历届 · All terms, latest first.
    async fn terms(&self, ctx: &Context<'_>) -> Result<Vec<Term>, ApiError> {
        let terms = Caller::of(ctx)?.load(TermsOf(self.id)).await?;
        Ok(terms
            .map(|terms| terms.iter().map(Term::new).collect())
            .unwrap_or_default())
    }

    /// 任期状态 · Where it stands in its term.
    async fn term_state(&self, ctx: &Context<'_>) -> Result<TermState, ApiError> {
        let caller = Caller::of(ctx)?;
        Ok(self
            .row(ctx)
            .await?
            .term_state(caller.clock().today(), caller.rules().due_soon_months)
            .into())
    }

    /// 继任支部 · The branch it was merged into.
    async fn successor(&self, ctx: &Context<'_>) -> Option<Result<Branch, ApiError>> {
        nullable(async {
            match self.row(ctx).await?.successor_id {
                Some(id) => Branch::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 曾用代码与别名 · Other codes it is or was known by, the oldest first; empty for callers out of its scope.
    async fn aliases(&self, ctx: &Context<'_>) -> Result<Vec<BranchAlias>, ApiError> {
        let aliases = Caller::of(ctx)?.load(AliasesOf(self.id)).await?;
        Ok(aliases
            .map(|aliases| aliases.iter().map(BranchAlias::new).collect())
            .unwrap_or_default())
    }

    /// 版本 · Grows with every change; an update names the version it read.
    async fn version(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(self.row(ctx).await?.version)
    }

    /// 更新时间 · When it was last changed, by the business clock.
    async fn updated_at(&self, ctx: &Context<'_>) -> Result<DateTime, ApiError> {
        Ok(self.row(ctx).await?.updated_at.into())
    }
}

/// 届 · A committee's term of office: villages and communities 5 years, all others 3.
#[derive(SimpleObject)]
pub struct Term {
    /// 换届日期 · The day of the election that opened it.
    elected_on: Date,
    /// 届满日期 · Its last day.
    ends_on: Date,
    /// 延期至 · Approved extension, at most one year.
    extended_to: Option<Date>,
    /// 按期换届 · Whether the election that opened this term was held by the end of the one before; null for a first term.
    on_time: Option<bool>,
}

impl Term {
    fn new(term: &model::Term) -> Self {
        Self {
            elected_on: term.elected_on.into(),
            ends_on: term.ends_on.into(),
            extended_to: term.extended_to.map(Date),
            on_time: term.on_time,
        }
    }
}

/// 支部别名 · Another code or name by which a branch is or was known, to everybody or to one point source.
#[derive(SimpleObject)]
pub struct BranchAlias {
    /// 代码 · The code, normalized.
    code: String,
    /// 来源代码 · The point source that knows the branch by it; null for everybody.
    source_code: Option<String>,
    /// 启用日期 · The first day it is valid.
    since: Date,
    /// 截止日期 · The last day it is valid; null while it stands.
    until: Option<Date>,
}

impl BranchAlias {
    fn new(alias: &model::Alias) -> Self {
        Self {
            code: alias.code.clone(),
            source_code: alias.source_code.clone(),
            since: alias.since.into(),
            until: alias.until.map(Date),
        }
    }
}

impl Loader<BranchId> for Batch {
    type Value = Arc<model::Branch>;
    type Error = ApiError;

    async fn load(&self, ids: &[BranchId]) -> Loaded<BranchId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GoldOf(BranchId);

impl Loader<GoldOf> for Batch {
    type Value = ();
    type Error = ApiError;

    async fn load(&self, keys: &[GoldOf]) -> Loaded<GoldOf, ()> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let gold = store::gold_among(self.database.reader(), &ids).await?;
        Ok(gold.into_iter().map(|id| (GoldOf(id), ())).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TermsOf(BranchId);

impl Loader<TermsOf> for Batch {
    type Value = Arc<Vec<model::Term>>;
    type Error = ApiError;

    async fn load(&self, keys: &[TermsOf]) -> Loaded<TermsOf, Self::Value> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let terms = store::terms(self.database.reader(), &ids).await?;
        Ok(terms
            .into_iter()
            .map(|(id, terms)| (TermsOf(id), Arc::new(terms)))
            .collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AliasesOf(BranchId);

impl Loader<AliasesOf> for Batch {
    type Value = Arc<Vec<model::Alias>>;
    type Error = ApiError;

    async fn load(&self, keys: &[AliasesOf]) -> Loaded<AliasesOf, Self::Value> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let aliases = store::aliases(self.database.reader(), &self.scope, &ids).await?;
        Ok(aliases
            .into_iter()
            .map(|(id, aliases)| (AliasesOf(id), Arc::new(aliases)))
            .collect())
    }
}
