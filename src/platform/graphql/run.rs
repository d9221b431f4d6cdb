//! Runs in the API.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, dataloader::Loader};

use super::super::{model, store};
use crate::{
    graphql::{
        caller::Caller,
        error::ApiError,
        loaders::{Batch, Loaded},
        scalars::DateTime,
    },
    kernel::id::{NodeId as _, PullRunId},
};

/// A run that the caller may see.
#[derive(Clone)]
pub struct PullRun {
    row: Arc<model::PullRun>,
}

impl PullRun {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::PullRun>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a run together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: PullRunId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 拉取记录 · One reading of a platform, from its position to the end. The newest 500 of a source are kept.
#[Object]
impl PullRun {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 开始时间 · When it began, or was asked for, by the machine's clock.
    async fn started_at(&self) -> DateTime {
        self.row.started_at.into()
    }

    /// 结束时间 · When it ended; null while it is on.
    async fn ended_at(&self) -> Option<DateTime> {
        self.row.ended_at.map(Into::into)
    }

    /// 页数 · How many pages were read.
    async fn pages(&self) -> i32 {
        self.row.pages
    }

    /// 入账条数 · How many entries were booked.
    async fn accepted(&self) -> i32 {
        self.row.counts.accepted
    }

    /// 重复条数 · How many were booked before, the same: an overlap is always read again.
    async fn duplicates(&self) -> i32 {
        self.row.counts.duplicates
    }

    /// 冲突条数 · How many have another content than what is booked under their key; they wait in quarantine.
    async fn conflicts(&self) -> i32 {
        self.row.counts.conflicts
    }

    /// 待处理条数 · How many wait in quarantine for another reason.
    async fn quarantined(&self) -> i32 {
        self.row.counts.quarantined
    }

    /// 错误 · Why it ended before everything was read, in the caller's language; null where everything was.
    async fn error(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let lang = Caller::of(ctx)?.lang;
        let error = self.row.error.as_ref();
        Ok(error.map(|fault| fault.message().text(lang).to_owned()))
    }
}

impl Loader<PullRunId> for Batch {
    type Value = Arc<model::PullRun>;
    type Error = ApiError;

    async fn load(&self, ids: &[PullRunId]) -> Loaded<PullRunId, Self::Value> {
        let rows = store::runs_by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}
