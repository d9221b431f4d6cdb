//! What this slice adds to `Branch`: its points, ranks and entries.

use std::collections::HashMap;

use async_graphql::{Context, Object, dataloader::Loader};

use super::{
    super::{
        model::LedgerEntry,
        store::{self, EntryFilter, RankAmong},
    },
    PointEntry, PointEntryFilter, period_of,
};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        lists::{ListOf, list_of},
        loaders::{Batch, Loaded, by_arguments},
        scalars,
    },
    kernel::{
        id::BranchId,
        message::Message,
        page::{Page, PageArgs},
        period::Period,
        points::Points,
    },
    storage::{StoreError, keyset::ListError},
};

/// A branch's points.
#[derive(Clone)]
pub struct BranchPoints {
    id: BranchId,
}

impl BranchPoints {
    /// The part of a branch.
    pub fn new(id: BranchId) -> Self {
        Self { id }
    }
}

#[Object]
impl BranchPoints {
    /// 积分与名次 · Points and ranks of a period (this year when left out).
    async fn points(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度或月份 · Of which period.")] period: Option<scalars::Period>,
    ) -> Result<PointStanding, ApiError> {
        let period = period_of(ctx, period).await?;
        Ok(PointStanding::new(self.id, period))
    }

    /// 逐月积分 · The twelve months of a year, for a chart.
    async fn point_history(
        &self,
        #[graphql(desc = "年度 · Of which year.")] year: i32,
    ) -> Result<Vec<PointStanding>, ApiError> {
        let year = Period::of_year(year).ok_or_else(|| {
            ApiError::bad_request(Message::new(
                format!("没有 {year} 年"),
                format!("There is no year {year}"),
            ))
        })?;
        let months = year.months();
        Ok(months.map(|month| PointStanding::new(self.id, month)).collect())
    }

    /// 积分流水 · Its lines of the ledger, the latest first; empty for callers out of its scope.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn point_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<PointEntryFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PointEntry>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_entry_page(&args)?;
        // Boxed: see `list_of`.
        let resolved = Box::pin(filter.unwrap_or_default().resolve(caller)).await?;
        let Some(filter) = resolved else {
            return Ok(Connection::empty());
        };
        list_of(ctx, self.id, filter, args, PointEntry::new).await
    }
}

/// How a branch stands in a period.
pub struct PointStanding {
    branch: BranchId,
    period: Period,
}

impl PointStanding {
    /// Nothing is read before it is asked for.
    pub fn new(branch: BranchId, period: Period) -> Self {
        Self { branch, period }
    }

    async fn standing(&self, ctx: &Context<'_>) -> Result<(Points, i64), ApiError> {
        let key = StandingOf(self.branch, self.period);
        Ok(Caller::of(ctx)?.load(key).await?.unwrap_or_default())
    }

    async fn rank_among(&self, ctx: &Context<'_>, among: RankAmong) -> Option<Result<i32, ApiError>> {
        nullable(async {
            let key = RankOf {
                branch: self.branch,
                period: self.period,
                among,
            };
            let rank = Caller::of(ctx)?.load(key).await?;
            Ok(rank.map(|rank| i32::try_from(rank).unwrap_or(i32::MAX)))
        })
        .await
    }
}

/// 积分与名次 · Points of a branch in a period and where it stands with them. Ranks are competition ranks (1, 2, 2, 4) among
/// active branches, temporary ones left out; null for branches that take no part.
#[Object]
impl PointStanding {
    /// 年度或月份 · The period.
    async fn period(&self) -> scalars::Period {
        self.period.into()
    }

    /// 积分 · Its points, those of branches that were merged into it among them.
    async fn total(&self, ctx: &Context<'_>) -> Result<scalars::Points, ApiError> {
        Ok(self.standing(ctx).await?.0.into())
    }

    /// 全区名次 · Rank in the district.
    async fn rank(&self, ctx: &Context<'_>) -> Option<Result<i32, ApiError>> {
        self.rank_among(ctx, RankAmong::District).await
    }

    /// 领域名次 · Rank in its field.
    async fn rank_in_domain(&self, ctx: &Context<'_>) -> Option<Result<i32, ApiError>> {
        self.rank_among(ctx, RankAmong::Domain).await
    }

    /// 党(工)委内名次 · Rank among the branches under the nearest committee above.
    async fn rank_in_organization(&self, ctx: &Context<'_>) -> Option<Result<i32, ApiError>> {
        self.rank_among(ctx, RankAmong::Organization).await
    }

    /// 计入条数 · How many events count there, whatever they are worth.
    async fn entry_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let (_, events) = self.standing(ctx).await?;
        Ok(i32::try_from(events).unwrap_or(i32::MAX))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StandingOf(BranchId, Period);

impl Loader<StandingOf> for Batch {
    type Value = (Points, i64);
    type Error = ApiError;

    async fn load(&self, keys: &[StandingOf]) -> Loaded<StandingOf, Self::Value> {
        let asked: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let standings = store::standings(self.database.reader(), &asked).await?;
        Ok(standings
            .into_iter()
            .map(|((branch, period), standing)| (StandingOf(branch, period), standing))
            .collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RankOf {
    branch: BranchId,
    period: Period,
    among: RankAmong,
}

impl Loader<RankOf> for Batch {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[RankOf]) -> Loaded<RankOf, i64> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let groups = by_arguments(keys, |key| (key.among, (key.branch, key.period)));
        for (among, asked) in groups {
            let ranks = store::ranks(self.database.reader(), &asked, among).await?;
            loaded.extend(ranks.into_iter().map(|((branch, period), rank)| {
                let key = RankOf {
                    branch,
                    period,
                    among,
                };
                (key, rank)
            }));
        }
        Ok(loaded)
    }
}

impl ListOf for EntryFilter {
    type Parent = BranchId;
    type Row = LedgerEntry;

    async fn pages(
        &self,
        batch: &Batch,
        branches: &[BranchId],
        args: &PageArgs,
    ) -> Result<HashMap<BranchId, Page<Self::Row>>, ListError> {
        store::entries_of_branches(batch.database.reader(), &batch.scope, branches, self, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        branches: &[BranchId],
    ) -> Result<HashMap<BranchId, u64>, StoreError> {
        store::entry_counts_of_branches(batch.database.reader(), &batch.scope, branches, self).await
    }
}
