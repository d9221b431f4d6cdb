//! Lists of branches in the API, and what they add to organizations.

mod badge;
mod branch;
mod figures;
mod partners;
mod tallies;
mod wall;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, Object};

pub use badge::{Badge, BranchBadge};
pub use branch::{BranchQuery, BranchSubscription, branch_by_id};
pub use figures::FiguresQuery;
pub use partners::PartnerQuery;
pub use wall::{WallQuery, WallSubscription};

use super::{
    branches::{self, Today, With},
    store::branches as store,
};
use crate::{
    branch::{
        Branch as BranchRow,
        graphql::{Branch, BranchForm, BranchStatus, Domain, TermState},
    },
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
        lists::{ListOf, count_of, list_of},
        loaders::Batch,
        scalars::Date,
    },
    kernel::{
        id::{NodeId as _, OrganizationId},
        page::{Page, PageArgs},
        period::Period,
    },
    storage::{Database, StoreError, keyset::ListError},
};

/// 支部排序 · How branches follow each other.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchOrder {
    /// 按代码
    Code,
    /// 按名称
    Name,
    /// 按本年积分，最多的在前
    PointsDesc,
    /// 按成立日期，最近的在前
    FoundedDesc,
    /// 按届满日期，最早届满的在前，无任期的在后
    TermEndAsc,
    /// 按更新时间，最近的在前
    UpdatedDesc,
}

/// 支部筛选 · Narrows a list of branches; each part that is given narrows it further.
#[derive(InputObject)]
pub struct BranchFilter {
    /// 所属组织 · Below this organization, however far.
    organization_id: Option<ID>,
    /// 领域 · In one of these fields.
    domains: Option<Vec<Domain>>,
    /// 组建形式 · Of one of these forms.
    forms: Option<Vec<BranchForm>>,
    /// 状态 · Of one of these; ACTIVE when left out.
    statuses: Option<Vec<BranchStatus>>,
    /// 任期状态 · Whose term stands so today.
    term_states: Option<Vec<TermState>>,
    /// 徽标 · With one of these badges today.
    badges: Option<Vec<Badge>>,
    /// 金牌 · Whether they hold a gold title.
    gold: Option<bool>,
    /// 结对 · Whether they are in an ACTIVE pairing that they have not left.
    paired: Option<bool>,
    /// 成立日期起 · Founded on this day or later.
    founded_from: Option<Date>,
    /// 成立日期止 · Founded on this day or earlier.
    founded_to: Option<Date>,
    /// 搜索 · Part of a name, a code, or pinyin initials (hcjd finds 海沧街道).
    search: Option<String>,
}

impl BranchOrder {
    /// The order as it is read: 'this year' is that of the latest campaign that has begun.
    async fn read(order: Option<Self>, caller: &Caller) -> Result<branches::BranchOrder, ApiError> {
        use branches::BranchOrder as Order;
        Ok(match order {
            None | Some(Self::Code) => Order::Code,
            Some(Self::Name) => Order::Name,
            Some(Self::PointsDesc) => {
                let year = caller.this_year().await?;
                let year = Period::of_year(year);
                Order::PointsDesc(year.ok_or_else(|| StoreError::corrupt("campaign.year", ""))?)
            }
            Some(Self::FoundedDesc) => Order::FoundedDesc,
            Some(Self::TermEndAsc) => Order::TermEndAsc,
            Some(Self::UpdatedDesc) => Order::UpdatedDesc,
        })
    }
}

impl BranchFilter {
    /// None where it names an organization that there cannot be: then nothing is found.
    fn read(filter: Option<Self>) -> Option<branches::BranchFilter> {
        let Some(filter) = filter else {
            return Some(branches::BranchFilter::default());
        };
        let organization = match filter.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(branches::BranchFilter {
            organization,
            domains: each_once(filter.domains),
            forms: each_once(filter.forms),
            statuses: each_once(filter.statuses),
            term_states: each_once(filter.term_states),
            badges: each_once(filter.badges),
            gold: filter.gold,
            paired: filter.paired,
            founded_from: filter.founded_from.map(|day| day.0),
            founded_to: filter.founded_to.map(|day| day.0),
            search: filter.search,
        })
    }
}

fn today(database: &Database) -> Today {
    Today {
        day: database.clock().today(),
        due_soon_months: database.rules().due_soon_months,
        amber_days: database.rules().amber_days,
    }
}

/// Queries across the slices.
#[derive(Default)]
pub struct BoardQuery;

#[Object]
impl BoardQuery {
    /// 支部列表 · Branches, ACTIVE ones by code unless asked otherwise.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn branches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<BranchFilter>,
        #[graphql(desc = "排序 · By CODE when left out.")] order_by: Option<BranchOrder>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Branch>, ApiError> {
        let caller = Caller::of(ctx)?;
        let order = BranchOrder::read(order_by, caller).await?;
        let args = page_args(first, after, last, before);
        store::check_page(order, &args)?;
        let Some(filter) = BranchFilter::read(filter) else {
            return Ok(Connection::empty());
        };
        let look = ctx.look_ahead();
        let nodes = With::asked(&look.field("nodes"));
        let with = nodes.or(With::asked(&look.field("edges").field("node")));
        let database = &caller.database;
        let page = store::list(
            database.reader(),
            &caller.scope,
            &filter,
            order,
            today(database),
            &args,
            with,
        );
        Ok(Connection::new(
            page.await?.map(Branch::from),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    let database = &caller.database;
                    let count = store::count(database.reader(), &caller.scope, &filter, today(database));
                    Ok(count.await?)
                })
            }),
        ))
    }
}

/// What an organization tells of the branches below it.
#[derive(Clone)]
pub struct OrganizationBranches {
    organization: OrganizationId,
}

impl OrganizationBranches {
    /// The part of an organization.
    pub fn of(organization: OrganizationId) -> Self {
        Self { organization }
    }
}

#[Object]
impl OrganizationBranches {
    /// 支部列表 · The branches below it, however far; ACTIVE ones by code unless asked otherwise.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn branches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<BranchFilter>,
        #[graphql(desc = "排序 · By CODE when left out.")] order_by: Option<BranchOrder>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Branch>, ApiError> {
        let order = BranchOrder::read(order_by, Caller::of(ctx)?).await?;
        let args = page_args(first, after, last, before);
        store::check_page(order, &args)?;
        let Some(filter) = BranchFilter::read(filter).map(Arc::new) else {
            return Ok(Connection::empty());
        };
        list_of(ctx, self.organization, Below { filter, order }, args, Branch::new).await
    }

    /// 支部数 · ACTIVE branches below it, however far.
    async fn branch_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let count = count_of(ctx, self.organization, Below::default()).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// The branches below an organization, however far.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Below {
    filter: Arc<branches::BranchFilter>,
    order: branches::BranchOrder,
}

impl ListOf for Below {
    type Parent = OrganizationId;
    type Row = BranchRow;

    async fn pages(
        &self,
        batch: &Batch,
        organizations: &[OrganizationId],
        args: &PageArgs,
    ) -> Result<HashMap<OrganizationId, Page<Self::Row>>, ListError> {
        let today = today(&batch.database);
        let (reader, scope) = (batch.database.reader(), &batch.scope);
        store::lists_below(
            reader,
            scope,
            organizations,
            &self.filter,
            self.order,
            today,
            args,
        )
        .await
    }

    async fn counts(
        &self,
        batch: &Batch,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        let today = today(&batch.database);
        let reader = batch.database.reader();
        store::counts_below(reader, &batch.scope, organizations, &self.filter, today).await
    }
}
