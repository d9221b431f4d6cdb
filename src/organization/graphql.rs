//! Organizations in the API.

mod mutation;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, MergedObject, Object, OneofObject, dataloader::Loader};
pub use mutation::OrganizationMutation;

use super::{
    model::{self, OrganizationKind as Kind},
    store::{self, OrganizationFilter},
};
use crate::{
    board::graphql::OrganizationBranches,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        inputs::each_once,
        lists::{ListOf, list_of},
        loaders::{Batch, Loaded},
        scalars::Date,
    },
    kernel::{
        id::{HeadcountId, NodeId as _, OrganizationId},
        page::{Page, PageArgs},
        text,
    },
    storage::{StoreError, keyset::ListError},
};

/// 组织类别 · Kinds of organizations above branches.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Kind")]
pub enum OrganizationKind {
    /// 区委
    District,
    /// 基层党(工)委
    Committee,
    /// 党总支
    GeneralBranch,
}

/// 人数类别 · What is counted; aggregates, never names.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::HeadcountKind")]
pub enum HeadcountKind {
    /// 村(居)两委班子成员
    TwoCommittees,
    /// 党务新星
    RisingStar,
    /// 农村党群工作者
    RuralWorker,
    /// 非公党建指导员
    NonPublicInstructor,
    /// 包保干部
    AssignedOfficial,
    /// 党员志愿者
    Volunteer,
}

/// 组织 · An organization above branches: district, committee or general branch.
#[derive(MergedObject, Clone)]
pub struct Organization(OrganizationFields, OrganizationBranches);

impl Organization {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Organization>>) -> Self {
        let row = row.into();
        let id = row.id;
        Self(OrganizationFields { row }, OrganizationBranches::of(id))
    }

    /// Loads an organization together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: OrganizationId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }

    /// For the `Node` interface.
    pub async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.row.id.global().into())
    }
}

/// The fields that organizations have by themselves; other slices add theirs beside them.
#[derive(Clone)]
pub struct OrganizationFields {
    row: Arc<model::Organization>,
}

#[Object]
impl OrganizationFields {
    /// 全局标识 · Global id.
    async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 组织代码 · Its code.
    async fn code(&self) -> &str {
        &self.row.code
    }

    /// 名称 · Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// 类别 · District, committee or general branch.
    async fn kind(&self) -> OrganizationKind {
        self.row.kind.into()
    }

    /// 上级组织 · The organization directly above; null for the district.
    async fn parent(&self, ctx: &Context<'_>) -> Option<Result<Organization, ApiError>> {
        nullable(async {
            match self.row.parent_id {
                Some(id) => Organization::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 下级组织 · The organizations directly below, by code.
    async fn children(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Organization>, ApiError> {
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        list_of(ctx, self.row.id, Children, args, Organization::new).await
    }

    /// 版本 · Grows with every change; an update names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 人数统计 · A count that an organization reported for a day.
#[derive(Clone)]
pub struct Headcount {
    row: model::Headcount,
}

impl Headcount {
    /// Loads a count; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: HeadcountId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(|row| Self { row }))
    }
}

/// 人数统计 · A count that an organization reported for a day; people are counted, never listed.
#[Object]
impl Headcount {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 填报组织 · The organization that reported it.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, ApiError> {
        required(Organization::load(Caller::of(ctx)?, self.row.organization_id).await?)
    }

    /// 人数类别 · What is counted.
    async fn kind(&self) -> HeadcountKind {
        self.row.kind.into()
    }

    /// 人数 · How many.
    async fn count(&self) -> i32 {
        self.row.count
    }

    /// 统计日期 · The day it was counted for.
    async fn as_of(&self) -> Date {
        self.row.as_of.into()
    }
}

/// What a row names must be there: its absence is a fault of ours, not the caller's.
pub fn required<T>(found: Option<T>) -> Result<T, ApiError> {
    found.ok_or_else(|| {
        crate::storage::StoreError::Corrupt("a row names another that is not there".to_owned()).into()
    })
}

/// 以标识或代码指定组织 · Names an organization, by exactly one of these.
#[derive(OneofObject)]
pub enum OrganizationBy {
    /// 全局标识 · By global id.
    Id(ID),
    /// 组织代码 · By code; a full-width or padded one is normalized.
    Code(String),
}

/// Queries on organizations.
#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// 组织 · An organization by id or code; null where there is none or the caller may not see it.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "标识或代码 · Which one.")] by: OrganizationBy,
    ) -> Option<Result<Organization, ApiError>> {
        nullable(async {
            let caller = Caller::of(ctx)?;
            match by {
                OrganizationBy::Id(id) => match OrganizationId::from_global(&id) {
                    Some(id) => Organization::load(caller, id).await,
                    None => Ok(None),
                },
                OrganizationBy::Code(code) => match text::code(&code) {
                    Ok(code) => Ok(store::by_code(caller.database.reader(), &caller.scope, &code)
                        .await?
                        .map(Organization::new)),
                    Err(_) => Ok(None),
                },
            }
        })
        .await
    }

    /// 组织列表 · Organizations by code.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "上级组织 · Those directly below this one.")] parent_id: Option<ID>,
        #[graphql(desc = "类别 · Those of this kind.")] kind: Option<OrganizationKind>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Organization>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let parent = match parent_id.map(|id| OrganizationId::from_global(&id)) {
            Some(None) => return Ok(Connection::empty()),
            Some(id) => id,
            None => None,
        };
        let filter = OrganizationFilter {
            parent,
            kind: kind.map(Into::into),
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(Organization::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }

    /// 人数统计 · The latest count of each organization and kind on or before a day (today when left out).
    async fn headcounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "填报组织 · Of this organization only.")] organization_id: Option<ID>,
        #[graphql(desc = "人数类别 · Of these kinds only.")] kinds: Option<Vec<HeadcountKind>>,
        #[graphql(desc = "截至日期 · On or before this day.")] as_of: Option<Date>,
    ) -> Result<Vec<Headcount>, ApiError> {
        let caller = Caller::of(ctx)?;
        let organization = match organization_id.map(|id| OrganizationId::from_global(&id)) {
            Some(None) => return Ok(Vec::new()),
            Some(id) => id,
            None => None,
        };
        let kinds: Option<Vec<model::HeadcountKind>> = each_once(kinds);
        let as_of = as_of.map_or_else(|| caller.clock().today(), |day| day.0);
        let rows = store::headcounts(
            caller.database.reader(),
            &caller.scope,
            organization,
            kinds.as_deref(),
            as_of,
        );
        Ok(rows.await?.into_iter().map(|row| Headcount { row }).collect())
    }
}

impl Loader<OrganizationId> for Batch {
    type Value = Arc<model::Organization>;
    type Error = ApiError;

    async fn load(&self, ids: &[OrganizationId]) -> Loaded<OrganizationId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

impl Loader<HeadcountId> for Batch {
    type Value = model::Headcount;
    type Error = ApiError;

    async fn load(&self, ids: &[HeadcountId]) -> Loaded<HeadcountId, Self::Value> {
        Ok(store::headcounts_by_ids(self.database.reader(), &self.scope, ids).await?)
    }
}

/// The organizations directly below one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Children;

impl ListOf for Children {
    type Parent = OrganizationId;
    type Row = model::Organization;

    async fn pages(
        &self,
        batch: &Batch,
        parents: &[OrganizationId],
        args: &PageArgs,
    ) -> Result<HashMap<OrganizationId, Page<Self::Row>>, ListError> {
        store::children(batch.database.reader(), &batch.scope, parents, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        parents: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        store::count_children(batch.database.reader(), &batch.scope, parents).await
    }
}
