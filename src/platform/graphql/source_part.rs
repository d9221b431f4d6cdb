//! What this slice adds to `PointSource`: what it is doing, and how far it has been read.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Object, dataloader::Loader};

use super::{
    super::{
        model::{self, Pulled},
        store,
    },
    PullRun, SourceState,
};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        lists::{ListOf, list_of},
        loaders::{Batch, Loaded},
        scalars::DateTime,
    },
    kernel::{
        id::PointSourceId,
        page::{Page, PageArgs},
    },
    storage::{StoreError, keyset::ListError},
};

/// How a source stands.
#[derive(Clone)]
pub struct SourcePulls {
    id: PointSourceId,
}

impl SourcePulls {
    /// The part of a source that the caller may see.
    pub fn new(id: PointSourceId) -> Self {
        Self { id }
    }

    async fn pulled(&self, ctx: &Context<'_>) -> Result<Option<Arc<Pulled>>, ApiError> {
        let state = Caller::of(ctx)?.load(StateOf(self.id)).await?;
        Ok(state)
    }

    /// The same, for who may see how it stands inside.
    async fn inside(&self, ctx: &Context<'_>) -> Result<Option<Arc<Pulled>>, ApiError> {
        match Caller::of(ctx)?.scope.reaches_source(self.id) {
            true => self.pulled(ctx).await,
            false => Ok(None),
        }
    }
}

#[Object]
impl SourcePulls {
    /// 来源状态 · What it is doing.
    async fn state(&self, ctx: &Context<'_>) -> Result<SourceState, ApiError> {
        let pulled = self.pulled(ctx).await?;
        Ok(pulled.map_or(SourceState::Idle, |pulled| pulled.state().into()))
    }

    /// 读取位置 · How far the platform has been read, as the platform says it: the last entry's instant, and its id (district
    /// administrators, and an adapter of its own source; null for others).
    async fn position(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let pulled = self.inside(ctx).await?;
        let position = pulled.as_ref().and_then(|pulled| pulled.position.as_ref());
        Ok(position.map(|position| format!("{} {}", position.text, position.id)))
    }

    /// 上次成功时间 · When everything was last read to the end, by the machine's clock.
    async fn last_success_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>, ApiError> {
        let pulled = self.pulled(ctx).await?;
        Ok(pulled.and_then(|pulled| pulled.last_success_at).map(Into::into))
    }

    /// 上次错误 · Why the last run was the platform's to answer for, in the caller's language; null once everything was read
    /// (district administrators, and an adapter of its own source; null for others).
    async fn last_error(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let pulled = self.inside(ctx).await?;
        let fault = pulled.as_ref().and_then(|pulled| pulled.last_error.as_ref());
        let lang = Caller::of(ctx)?.lang;
        Ok(fault.map(|fault| fault.message().text(lang).to_owned()))
    }

    /// 下次拉取时间 · When the next run begins, by the machine's clock; null while one is on or asked for, and where it is paused or
    /// not pulled. In a freeze window it begins when that ends.
    async fn next_pull_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>, ApiError> {
        let pulled = self.pulled(ctx).await?;
        let waiting = pulled.filter(|pulled| !pulled.paused && pulled.run.is_none());
        Ok(waiting.map(|pulled| pulled.rest.next_pull_at.into()))
    }

    /// 拉取记录 · Its runs, the newest first (district administrators, and an adapter of its own source; empty for others).
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PullRun>, ApiError> {
        let args = page_args(first, after, last, before);
        store::check_runs_page(&args)?;
        list_of(ctx, self.id, Runs, args, PullRun::new).await
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StateOf(PointSourceId);

impl Loader<StateOf> for Batch {
    type Value = Arc<Pulled>;
    type Error = ApiError;

    async fn load(&self, keys: &[StateOf]) -> Loaded<StateOf, Self::Value> {
        let ids: Vec<PointSourceId> = keys.iter().map(|key| key.0).collect();
        let states = store::states(self.database.reader(), &ids).await?;
        let states = states.into_iter();
        Ok(states
            .map(|state| (StateOf(state.source), Arc::new(state)))
            .collect())
    }
}

/// All runs of a source.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Runs;

impl ListOf for Runs {
    type Parent = PointSourceId;
    type Row = model::PullRun;

    async fn pages(
        &self,
        batch: &Batch,
        sources: &[PointSourceId],
        args: &PageArgs,
    ) -> Result<HashMap<PointSourceId, Page<Self::Row>>, ListError> {
        store::pages_of_runs(batch.database.reader(), &batch.scope, sources, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        sources: &[PointSourceId],
    ) -> Result<HashMap<PointSourceId, u64>, StoreError> {
        store::counts_of_runs(batch.database.reader(), &batch.scope, sources).await
    }
}
