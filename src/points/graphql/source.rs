//! Point sources.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, MergedObject, Object, Subscription, dataloader::Loader};
use futures_util::stream::Stream;

use super::super::store::{self, Source};
use crate::{
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        loaders::{Batch, Loaded},
        subscription::once,
    },
    kernel::{
        id::{NodeId as _, PointSourceId},
        message::Message,
        text,
    },
    platform::graphql::SourcePulls,
};

/// 积分来源 · A platform that points come from, such as 党建e家; `LOCAL` is the district itself.
#[derive(MergedObject, Clone)]
pub struct PointSource(SourceFields, SourcePulls);

/// What the ledger says of a source that the caller may see.
#[derive(Clone)]
pub struct SourceFields {
    row: Arc<Source>,
}

impl PointSource {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<Source>>) -> Self {
        let row = row.into();
        let pulls = SourcePulls::new(row.id);
        Self(SourceFields { row }, pulls)
    }

    /// For the `Node` interface.
    pub async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.row.id.global().into())
    }

    /// Loads a source together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: PointSourceId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

#[Object]
impl SourceFields {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 来源代码 · Its code.
    async fn code(&self) -> &str {
        &self.row.code
    }

    /// 名称 · Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// 入账条数 · How many of its entries are booked.
    async fn entry_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let counts = Caller::of(ctx)?.load(CountsOf(self.row.id)).await?;
        let entries = counts.map_or(0, |counts| counts.entries);
        Ok(i32::try_from(entries).unwrap_or(i32::MAX))
    }

    /// 待处理条数 · How many of its entries wait in quarantine.
    async fn quarantine_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let counts = Caller::of(ctx)?.load(CountsOf(self.row.id)).await?;
        let waiting = counts.map_or(0, |counts| counts.waiting);
        Ok(i32::try_from(waiting).unwrap_or(i32::MAX))
    }
}

/// Queries on point sources.
#[derive(Default)]
pub struct SourceQuery;

#[Object]
impl SourceQuery {
    /// 积分来源 · The source of a code; null where there is none. An adapter sees its own only.
    async fn point_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "来源代码 · Which one.")] code: String,
    ) -> Option<Result<PointSource, ApiError>> {
        nullable(async {
            let found = by_code(Caller::of(ctx)?, &code).await?;
            Ok(found.map(PointSource::new))
        })
        .await
    }

    /// 全部积分来源 · Every source, by code. An adapter sees its own only.
    async fn point_sources(&self, ctx: &Context<'_>) -> Result<Vec<PointSource>, ApiError> {
        let caller = Caller::of(ctx)?;
        let rows = store::sources(caller.database.reader(), &caller.scope, None).await?;
        Ok(rows.into_iter().map(PointSource::new).collect())
    }
}

/// Subscriptions to sources.
#[derive(Default)]
pub struct SourceSubscription;

#[Subscription]
impl SourceSubscription {
    /// 积分来源订阅 · A source now, and again after what it is doing changes; NOT_FOUND where there is none, or an adapter asks
    /// for another's.
    async fn point_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "来源代码 · Which one.")] code: String,
    ) -> Result<impl Stream<Item = PointSource> + use<>, ApiError> {
        let found = by_code(Caller::of(ctx)?, &code).await?;
        let found = found.ok_or_else(|| ApiError::not_found(Message::new("积分来源", "point source")))?;
        Ok(once(PointSource::new(found)))
    }
}

/// The source of a code, where the caller may see it.
pub(super) async fn by_code(caller: &Caller, code: &str) -> Result<Option<Source>, ApiError> {
    let Ok(code) = text::code(code) else {
        return Ok(None);
    };
    let reader = caller.database.reader();
    let Some(found) = store::source_by_code(reader, &code).await? else {
        return Ok(None);
    };
    let seen = store::sources(reader, &caller.scope, Some(&[found.id])).await?;
    Ok(seen.into_iter().next())
}

impl Loader<PointSourceId> for Batch {
    type Value = Arc<Source>;
    type Error = ApiError;

    async fn load(&self, ids: &[PointSourceId]) -> Loaded<PointSourceId, Self::Value> {
        let rows = store::sources(self.database.reader(), &self.scope, Some(ids)).await?;
        Ok(rows.into_iter().map(|row| (row.id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct CountsOf(PointSourceId);

#[derive(Clone, Copy)]
struct Counts {
    entries: i64,
    waiting: u64,
}

impl Loader<CountsOf> for Batch {
    type Value = Counts;
    type Error = ApiError;

    async fn load(&self, keys: &[CountsOf]) -> Loaded<CountsOf, Counts> {
        let ids: Vec<PointSourceId> = keys.iter().map(|key| key.0).collect();
        let reader = self.database.reader();
        let entries: HashMap<PointSourceId, i64> = store::entry_counts(reader).await?;
        let waiting = store::waiting_counts(reader, &ids).await?;
        let counts = |id: &PointSourceId| Counts {
            entries: entries.get(id).copied().unwrap_or_default(),
            waiting: waiting.get(id).copied().unwrap_or_default(),
        };
        Ok(ids.iter().map(|id| (CountsOf(*id), counts(id))).collect())
    }
}
