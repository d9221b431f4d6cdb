//! The board (挂图作战): what a wall map shows of an organization and a year.

use async_graphql::{Context, ID, Object, Subscription};
use futures_util::stream::Stream;
use tokio::sync::OnceCell;

use super::{
    super::{
        branches::Today,
        store::tally as store,
        tally::{self, Found, Seen, Span},
    },
    tallies::{
        CommitteeTally, DomainTally, GoldTally, LightTally, PairingTally, TermTally, Tile, TrainingTally,
        count,
    },
    today,
};
use crate::{
    graphql::{
        caller::Caller,
        error::ApiError,
        scalars::{ChangeCursor, DateTime},
        subscription::once,
    },
    health_check::{self, graphql::funnel::HealthFunnel},
    kernel::{
        id::{NodeId as _, OrganizationId},
        message::Message,
        period::Period,
    },
    live,
    organization::{self, graphql::Organization},
};

/// A board; each of its parts is read when it is first asked for, and once.
pub struct Board {
    as_of: chrono::DateTime<chrono::Utc>,
    cursor: live::cursor::Cursor,
    /// The organization and all below it.
    organizations: Vec<organization::Organization>,
    top: organization::Organization,
    period: Period,
    span: Span,
    today: Today,
    branches: OnceCell<Vec<Seen>>,
    found: OnceCell<Vec<Found>>,
}

impl Board {
    async fn branches(&self, ctx: &Context<'_>) -> Result<&[Seen], ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        let read = || async {
            let branches = store::branches(reader, self.top.id, self.period, self.today).await?;
            Ok::<_, ApiError>(branches)
        };
        Ok(self.branches.get_or_try_init(read).await?)
    }

    async fn found(&self, ctx: &Context<'_>) -> Result<&[Found], ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        let read = || async {
            let found = store::found(reader, self.top.id, self.span, self.today).await?;
            Ok::<_, ApiError>(found)
        };
        Ok(self.found.get_or_try_init(read).await?)
    }
}

/// 挂图作战 · Everything that a wall map shows of an organization's subtree and a year. Branches are ACTIVE ones.
#[Object]
impl Board {
    /// 截至时间 · When it was so, by the business clock.
    async fn as_of(&self) -> DateTime {
        self.as_of.into()
    }

    /// 变更游标 · Follow Subscription.changes from here and nothing is missed.
    async fn cursor(&self) -> ChangeCursor {
        ChangeCursor(self.cursor)
    }

    /// 组织 · Of which organization's subtree.
    async fn organization(&self) -> Organization {
        Organization::new(self.top.clone())
    }

    /// 年度 · Of which year.
    async fn year(&self) -> i32 {
        self.span.year
    }

    /// 支部数 · Branches of every form.
    async fn branch_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(count(self.branches(ctx).await?.len()))
    }

    /// 金牌支部数 · Those that hold a gold title.
    async fn gold_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let branches = self.branches(ctx).await?;
        Ok(count(branches.iter().filter(|branch| branch.gold).count()))
    }

    /// 各领域 · All seven fields; temporary branches left out.
    async fn domains(&self, ctx: &Context<'_>) -> Result<Vec<DomainTally>, ApiError> {
        let tallies = tally::domains(self.branches(ctx).await?, self.span);
        Ok(tallies.into_iter().map(DomainTally::new).collect())
    }

    /// 各党(工)委 · Rows of the wall map, one committee each, by code.
    async fn committees(&self, ctx: &Context<'_>) -> Result<Vec<CommitteeTally>, ApiError> {
        let (branches, found) = (self.branches(ctx).await?, self.found(ctx).await?);
        let tallies = tally::committees(&self.organizations, branches, found);
        Ok(tallies.into_iter().map(CommitteeTally::new).collect())
    }

    /// 体检进度 · How far the health checks of the year's campaign have come.
    async fn funnel(&self, ctx: &Context<'_>) -> Result<HealthFunnel, ApiError> {
        let caller = Caller::of(ctx)?;
        let year = self.span.year;
        let reader = caller.database.reader();
        let funnels = health_check::funnels(reader, &caller.scope, &[year], Some(self.top.id)).await?;
        Ok(funnels.get(&year).copied().unwrap_or_default().into())
    }

    /// 整改灯号 · Rectifications that were raised in the year, by their light today.
    async fn lights(&self, ctx: &Context<'_>) -> Result<LightTally, ApiError> {
        Ok(tally::lights(self.found(ctx).await?).into())
    }

    /// 换届 · Where branches stand in their terms today; temporary ones left out.
    async fn terms(&self, ctx: &Context<'_>) -> Result<TermTally, ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        let elected = store::elected_on_time(reader, self.top.id, self.span).await?;
        let terms = tally::terms(self.branches(ctx).await?, self.today);
        Ok(TermTally::new(terms, elected))
    }

    /// 金牌评选 · Applications of the year's campaign that ever reached each state.
    async fn gold(&self, ctx: &Context<'_>) -> Result<GoldTally, ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        Ok(store::gold_counts(reader, self.top.id, self.span.year)
            .await?
            .into())
    }

    /// 结对共建 · Pairings of the year that are ACTIVE or COMPLETED.
    async fn pairings(&self, ctx: &Context<'_>) -> Result<PairingTally, ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        let counts = store::pairing_counts(reader, self.top.id, self.span.year).await?;
        let branches = self.branches(ctx).await?;
        let regular = branches.iter().filter(|branch| branch.is_regular()).count();
        Ok(PairingTally::new(counts, regular))
    }

    /// 培训 · Of secretaries and Party workers, by organizers in the subtree.
    async fn training(&self, ctx: &Context<'_>) -> Result<TrainingTally, ApiError> {
        let reader = Caller::of(ctx)?.database.reader();
        let span = self.span;
        Ok(store::training_counts(reader, self.top.id, span.from, span.to)
            .await?
            .into())
    }

    /// 支部图块 · One tile a branch, by code.
    async fn tiles(&self, ctx: &Context<'_>) -> Result<Vec<Tile>, ApiError> {
        Ok(self.branches(ctx).await?.iter().map(Tile::new).collect())
    }
}

/// Queries on boards.
#[derive(Default)]
pub struct WallQuery;

#[Object]
impl WallQuery {
    /// 挂图作战 · Everything that a wall map shows, of an organization's subtree (when left out the caller's own, or the district's) and a
    /// year (this one when left out). NOT_FOUND where there is no such organization or the caller may not see it.
    async fn board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "组织 · Of this organization's subtree.")] organization_id: Option<ID>,
        #[graphql(desc = "年度 · Of this year.")] year: Option<i32>,
    ) -> Result<Board, ApiError> {
        board(ctx, organization_id, year).await
    }
}

/// Subscriptions to boards.
#[derive(Default)]
pub struct WallSubscription;

#[Subscription]
impl WallSubscription {
    /// 挂图作战订阅 · The board now, and again after it changes; a burst of changes may be seen as one.
    async fn board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "组织 · Of this organization's subtree.")] organization_id: Option<ID>,
        #[graphql(desc = "年度 · Of this year.")] year: Option<i32>,
    ) -> Result<impl Stream<Item = Board> + use<>, ApiError> {
        Ok(once(board(ctx, organization_id, year).await?))
    }
}

async fn board(ctx: &Context<'_>, organization_id: Option<ID>, year: Option<i32>) -> Result<Board, ApiError> {
    let caller = Caller::of(ctx)?;
    let unknown = || ApiError::not_found(Message::new("组织", "organization"));
    let top = match organization_id {
        Some(id) => Some(OrganizationId::from_global(&id).ok_or_else(unknown)?),
        None => caller.requester.organization(),
    };
    if !caller.scope.sees_public() {
        return Err(unknown());
    }
    // Before anything else is read: what changes meanwhile comes after it.
    let cursor = live::page::head(&caller.database).await?;
    let year = match year {
        Some(year) => year,
        None => caller.this_year().await?,
    };
    let no_year = || {
        ApiError::bad_request(Message::new(
            format!("没有 {year} 年"),
            format!("There is no year {year}"),
        ))
    };
    let period = Period::of_year(year).ok_or_else(no_year)?;
    let span = Span::of(year, caller.database.figures_from(year)).ok_or_else(no_year)?;
    let organizations = store::organizations(caller.database.reader(), &caller.scope, top).await?;
    let found = match top {
        Some(id) => organizations.iter().find(|organization| organization.id == id),
        None => organizations
            .iter()
            .find(|organization| organization.parent_id.is_none()),
    };
    Ok(Board {
        as_of: caller.clock().business(),
        cursor,
        top: found.cloned().ok_or_else(unknown)?,
        organizations,
        period,
        span,
        today: today(&caller.database),
        branches: OnceCell::new(),
        found: OnceCell::new(),
    })
}
