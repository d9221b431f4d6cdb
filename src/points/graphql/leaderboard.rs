//! The branches with the most points.

use async_graphql::{Context, ID, Object, SimpleObject, Subscription};
use futures_util::stream::Stream;

use super::{
    super::store::{self, Among},
    period_of,
};
use crate::{
    branch::graphql::{Branch, Domain},
    graphql::{
        caller::Caller,
        error::ApiError,
        scalars::{self, DateTime},
        subscription::once,
    },
    kernel::{
        id::{NodeId as _, OrganizationId},
        message::Message,
        period::Period,
    },
    organization::{self, OrganizationKind, graphql::required},
};

/// How many rows one list has at most.
const ROWS_LIMIT: i32 = 200;

/// Branches by points.
pub struct Leaderboard {
    period: Period,
    as_of: chrono::DateTime<chrono::Utc>,
    /// None where nothing may be seen, or nothing is there.
    among: Option<Among>,
    rows: Vec<LeaderboardRow>,
}

/// 积分榜 · Branches by points of a period.
#[Object]
impl Leaderboard {
    /// 年度或月份 · The period.
    async fn period(&self) -> scalars::Period {
        self.period.into()
    }

    /// 截至时间 · When it was so, by the business clock.
    async fn as_of(&self) -> DateTime {
        self.as_of.into()
    }

    /// 参评支部数 · How many branches are compared: active ones, temporary ones left out.
    async fn participant_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let Some(among) = self.among else {
            return Ok(0);
        };
        let reader = Caller::of(ctx)?.database.reader();
        let count = match among.organization {
            Some(organization) => store::participants_below(reader, organization, among.domain).await?,
            None => store::participants(reader, among.domain).await?,
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// 榜单 · The branches, those with the most points first.
    async fn rows(&self) -> &[LeaderboardRow] {
        &self.rows
    }
}

/// 榜单的一行 · A branch and its place.
#[derive(SimpleObject)]
pub struct LeaderboardRow {
    /// 名次 · Competition rank: 1, 2, 2, 4.
    rank: i32,
    /// 党支部 · Which one.
    branch: Branch,
    /// 积分 · Its points in the period.
    total: scalars::Points,
}

/// Queries on ranks.
#[derive(Default)]
pub struct LeaderboardQuery;

#[Object]
impl LeaderboardQuery {
    /// 积分榜 · Branches by points of a period (this year when left out), competition ranking (1, 2, 2, 4).
    async fn leaderboard(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度或月份 · Of which period.")] period: Option<scalars::Period>,
        #[graphql(desc = "组织 · Only branches below this organization.")] organization_id: Option<ID>,
        #[graphql(desc = "领域 · Only branches of this field.")] domain: Option<Domain>,
        #[graphql(desc = "前几名 · So many rows, at most 200.", default = 20)] first: i32,
    ) -> Result<Leaderboard, ApiError> {
        leaderboard(ctx, period, organization_id, domain, first).await
    }
}

/// Subscriptions to ranks.
#[derive(Default)]
pub struct LeaderboardSubscription;

#[Subscription]
impl LeaderboardSubscription {
    /// 积分榜订阅 · The leaderboard now, and again after it changes; a burst of changes may be seen as one.
    async fn leaderboard(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度或月份 · Of which period.")] period: Option<scalars::Period>,
        #[graphql(desc = "组织 · Only branches below this organization.")] organization_id: Option<ID>,
        #[graphql(desc = "领域 · Only branches of this field.")] domain: Option<Domain>,
        #[graphql(desc = "前几名 · So many rows, at most 200.", default = 20)] first: i32,
    ) -> Result<impl Stream<Item = Leaderboard> + use<>, ApiError> {
        let board = leaderboard(ctx, period, organization_id, domain, first).await?;
        Ok(once(board))
    }
}

async fn leaderboard(
    ctx: &Context<'_>,
    period: Option<scalars::Period>,
    organization_id: Option<ID>,
    domain: Option<Domain>,
    first: i32,
) -> Result<Leaderboard, ApiError> {
    let caller = Caller::of(ctx)?;
    let period = period_of(ctx, period).await?;
    let limit = u64::try_from(first)
        .ok()
        .filter(|_| first <= ROWS_LIMIT)
        .ok_or_else(|| {
            ApiError::bad_request(Message::new(
                format!("first 应在 0 到 {ROWS_LIMIT} 之间，给出了 {first}"),
                format!("first must be between 0 and {ROWS_LIMIT}, {first} was given"),
            ))
        })?;
    let mut board = Leaderboard {
        period,
        as_of: caller.clock().business(),
        among: None,
        rows: Vec::new(),
    };
    let reader = caller.database.reader();
    let organization = match organization_id {
        None => None,
        Some(id) => {
            let Some(id) = OrganizationId::from_global(&id) else {
                return Ok(board);
            };
            let Some(found) = organization::by_id(reader, &caller.scope, id).await? else {
                return Ok(board);
            };
            // All of them lie below the district: there is nothing to look for.
            (found.kind != OrganizationKind::District).then_some(id)
        }
    };
    if !caller.scope.sees_public() {
        return Ok(board);
    }
    let among = Among {
        organization,
        domain: domain.map(Into::into),
    };
    board.among = Some(among);
    let listed = store::leaderboard(reader, period, among, limit).await?;
    let mut branches = caller.load_many(listed.iter().map(|(id, _)| *id)).await?;
    let (mut rank, mut last) = (0, None);
    for (place, (id, total)) in (1..).zip(listed) {
        if last != Some(total) {
            (rank, last) = (place, Some(total));
        }
        board.rows.push(LeaderboardRow {
            rank,
            branch: Branch::new(required(branches.remove(&id))?),
            total: total.into(),
        });
    }
    Ok(board)
}
