//! Sites in the API.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, dataloader::Loader};

use super::super::{
    model,
    store::site::{self as store, SiteFilter as Filter},
};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
        loaders::{Batch, Loaded},
        payload::UserError,
        scalars::Date,
    },
    kernel::id::{NodeId as _, OrganizationId, SiteId},
    organization::graphql::{Organization, required},
};

/// 阵地类别 · Kinds of sites.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::SiteKind")]
pub enum SiteKind {
    /// 党建实训基地
    TrainingBase,
    /// 邻里驿站
    NeighbourhoodStation,
    /// 党群服务中心
    ServiceCentre,
}

/// A site.
#[derive(Clone)]
pub struct Site {
    row: Arc<model::Site>,
}

impl Site {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Site>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a site together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: SiteId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 阵地 · A training base, neighbourhood station or service centre.
#[Object]
impl Site {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 名称 · Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// 类别 · What kind of site.
    async fn kind(&self) -> SiteKind {
        self.row.kind.into()
    }

    /// 所属组织 · Whose it is.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, ApiError> {
        required(Organization::load(Caller::of(ctx)?, self.row.organization_id).await?)
    }

    /// 规范提升 · When it was brought up to standard.
    async fn upgraded_on(&self) -> Option<Date> {
        self.row.upgraded_on.map(Date)
    }

    /// 版本 · Grows with every change; an update names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 阵地筛选 · What a list of sites is narrowed by.
#[derive(InputObject, Default)]
pub struct SiteFilter {
    /// 组织 · Of this organization or one below it, at any depth.
    organization_id: Option<ID>,
    /// 类别 · Of these kinds.
    kinds: Option<Vec<SiteKind>>,
    /// 提升起始日期 · Brought up to standard on this day or later.
    upgraded_from: Option<Date>,
    /// 提升截止日期 · Brought up to standard on this day or earlier.
    upgraded_to: Option<Date>,
}

impl SiteFilter {
    /// None where an id names nothing, so that nothing fits.
    fn resolve(self) -> Option<Filter> {
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(Filter {
            organization,
            kinds: each_once(self.kinds),
            upgraded_from: self.upgraded_from.map(|day| day.0),
            upgraded_to: self.upgraded_to.map(|day| day.0),
        })
    }
}

/// Queries on sites.
#[derive(Default)]
pub struct SiteQuery;

#[Object]
impl SiteQuery {
    /// 阵地列表 · Sites by name.
    async fn sites(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<SiteFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Site>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(Site::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }
}

/// 阵地变更结果 · The site that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct SitePayload {
    /// 阵地 · As it stands now.
    pub(super) site: Option<Site>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    pub(super) user_errors: Vec<UserError>,
}

impl Loader<SiteId> for Batch {
    type Value = Arc<model::Site>;
    type Error = ApiError;

    async fn load(&self, ids: &[SiteId]) -> Loaded<SiteId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}
