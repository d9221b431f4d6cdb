//! Training records in the API.

mod branch_part;
mod mutation;
mod site;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, dataloader::Loader};
pub use branch_part::BranchTraining;
pub use mutation::TrainingMutation;
pub use site::{Site, SiteFilter, SiteKind, SitePayload, SiteQuery};

use super::{
    model,
    store::{self, TrainingFilter as Filter},
};
use crate::{
    branch::graphql::Branch,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        inputs::each_once,
        loaders::{Batch, Loaded},
        scalars::Date,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId, TrainingRecordId},
    organization::graphql::{Organization, required},
};

/// 培训形式 · How a training is held.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::TrainingKind")]
pub enum TrainingKind {
    /// 集中培训
    Centralized,
    /// 轮训
    Rotation,
    /// 党课
    Lecture,
    /// 实训
    Practical,
    /// 线上
    Online,
}

/// 培训对象 · For whom a training is held.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::TrainingAudience")]
pub enum TrainingAudience {
    /// 支部书记
    Secretary,
    /// 党务工作者
    PartyWorker,
    /// 党员
    Member,
}

/// A training record that the caller may see.
#[derive(Clone)]
pub struct TrainingRecord {
    row: Arc<model::TrainingRecord>,
}

impl TrainingRecord {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::TrainingRecord>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a record together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: TrainingRecordId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 培训记录 · A training that was held; people are counted, never listed.
#[Object]
impl TrainingRecord {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 培训主题 · What it was about.
    async fn topic(&self) -> &str {
        &self.row.topic
    }

    /// 培训形式 · How it was held.
    async fn kind(&self) -> TrainingKind {
        self.row.kind.into()
    }

    /// 培训对象 · For whom.
    async fn audience(&self) -> TrainingAudience {
        self.row.audience.into()
    }

    /// 培训日期 · The day it was held.
    async fn held_on(&self) -> Date {
        self.row.held_on.into()
    }

    /// 学时 · Credit hours each participant earns, a multiple of 0.25.
    async fn hours(&self) -> f64 {
        self.row.hours.hours()
    }

    /// 主办组织 · Who held it.
    async fn organizer(&self, ctx: &Context<'_>) -> Result<Organization, ApiError> {
        required(Organization::load(Caller::of(ctx)?, self.row.organizer_id).await?)
    }

    /// 培训地点 · Training base (实训基地) or other site where it was held.
    async fn site(&self, ctx: &Context<'_>) -> Option<Result<Site, ApiError>> {
        nullable(async {
            match self.row.site_id {
                Some(id) => Site::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 参加支部 · The branches that took part.
    async fn branches(&self, ctx: &Context<'_>) -> Result<Vec<Branch>, ApiError> {
        let caller = Caller::of(ctx)?;
        let Some(ids) = caller.load(BranchesOf(self.row.id)).await? else {
            return Ok(Vec::new());
        };
        let mut found = caller.load_many(ids.iter().copied()).await?;
        ids.iter()
            .map(|id| required(found.remove(id)).map(Branch::new))
            .collect()
    }

    /// 人次 · Attendances: participants of this training, each counted once.
    async fn attendee_count(&self) -> i32 {
        self.row.attendee_count
    }

    /// 版本 · Grows with every change; a correction names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 培训筛选 · What a list of training records is narrowed by.
#[derive(InputObject, Default)]
pub struct TrainingFilter {
    /// 党支部 · This branch took part.
    branch_id: Option<ID>,
    /// 组织 · The organizer, or a branch that took part, lies below this organization, at any depth.
    organization_id: Option<ID>,
    /// 培训形式 · Of these kinds.
    kinds: Option<Vec<TrainingKind>>,
    /// 培训对象 · For these audiences.
    audiences: Option<Vec<TrainingAudience>>,
    /// 起始日期 · Held on this day or later.
    from: Option<Date>,
    /// 截止日期 · Held on this day or earlier.
    to: Option<Date>,
}

impl TrainingFilter {
    /// None where an id names nothing, so that nothing fits.
    fn resolve(self) -> Option<Filter> {
        let branch = match self.branch_id {
            Some(id) => Some(BranchId::from_global(&id)?),
            None => None,
        };
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(Filter {
            branch,
            organization,
            kinds: each_once(self.kinds),
            audiences: each_once(self.audiences),
            from: self.from.map(|day| day.0),
            to: self.to.map(|day| day.0),
        })
    }
}

/// Queries on training records.
#[derive(Default)]
pub struct TrainingQuery;

#[Object]
impl TrainingQuery {
    /// 培训记录列表 · Training records in scope, the latest first.
    async fn training_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<TrainingFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<TrainingRecord>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(TrainingRecord::new),
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

impl Loader<TrainingRecordId> for Batch {
    type Value = Arc<model::TrainingRecord>;
    type Error = ApiError;

    async fn load(&self, ids: &[TrainingRecordId]) -> Loaded<TrainingRecordId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct BranchesOf(TrainingRecordId);

impl Loader<BranchesOf> for Batch {
    type Value = Arc<Vec<BranchId>>;
    type Error = ApiError;

    async fn load(&self, keys: &[BranchesOf]) -> Loaded<BranchesOf, Self::Value> {
        let records: Vec<TrainingRecordId> = keys.iter().map(|key| key.0).collect();
        let branches = store::branches(self.database.reader(), &records).await?;
        Ok(branches
            .into_iter()
            .map(|(record, branches)| (BranchesOf(record), Arc::new(branches)))
            .collect())
    }
}
