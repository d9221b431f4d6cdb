//! What could not be booked.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, Object, dataloader::Loader};

use super::{
    super::{entry, quarantined, similar::likest, store},
    PointSource,
    source::by_code,
};
use crate::{
    branch::graphql::Branch,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        loaders::{Batch, Loaded},
        scalars::DateTime,
    },
    kernel::id::{BranchId, NodeId as _, QuarantinedEntryId},
    organization::graphql::required,
};

/// 待处理原因 · Why an entry is not booked.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "entry::Reason")]
pub enum QuarantineReason {
    /// 支部代码未知 · No branch has its code towards the source on the day of the event.
    UnknownBranch,
    /// 字段有误 · A field holds what it cannot.
    InvalidField,
    /// 重复但内容不同 · Another content is booked under the same key; it can only be discarded.
    ConflictingRepeat,
    /// 所指事件未知 · It answers an EARN event that is not booked; booked by itself when that one comes.
    UnknownReference,
    /// 日期在未来 · Dated more than five minutes ahead; tried again by itself when its time has come.
    FutureDated,
}

/// 待处理状态 · What has become of an entry in quarantine.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "quarantined::QuarantineState")]
pub enum QuarantineState {
    /// 待处理
    Waiting,
    /// 已入账
    Replayed,
    /// 已丢弃
    Discarded,
}

/// An entry in quarantine that the caller may see.
#[derive(Clone)]
pub struct QuarantinedEntry {
    row: Arc<quarantined::Quarantined>,
}

impl QuarantinedEntry {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<quarantined::Quarantined>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads an entry together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: QuarantinedEntryId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 待处理条目 · An entry that could not be booked, kept whole until somebody decides.
#[Object]
impl QuarantinedEntry {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 积分来源 · Where it came from.
    async fn source(&self, ctx: &Context<'_>) -> Result<PointSource, ApiError> {
        required(PointSource::load(Caller::of(ctx)?, self.row.source_id).await?)
    }

    /// 待处理原因 · Why it is not booked.
    async fn reason(&self) -> QuarantineReason {
        self.row.reason.into()
    }

    /// 详情 · The field, code or event it is about.
    async fn detail(&self) -> &str {
        &self.row.detail
    }

    /// 原始内容 · The entry whole, as JSON; persons' numbers in it are masked.
    async fn payload(&self) -> &str {
        &self.row.payload
    }

    /// 接收时间 · When it came, by the machine's clock.
    async fn received_at(&self) -> DateTime {
        self.row.received_at.into()
    }

    /// 待处理状态 · What has become of it.
    async fn state(&self) -> QuarantineState {
        self.row.state.into()
    }

    /// 可能的支部 · Branches whose codes are like an unknown one, the likest first, at most five; to be chosen from by people,
    /// never booked by guess.
    async fn suggestions(&self, ctx: &Context<'_>) -> Result<Vec<Branch>, ApiError> {
        let (entry::Reason::UnknownBranch, Some(code)) = (self.row.reason, &self.row.branch_code) else {
            return Ok(Vec::new());
        };
        let caller = Caller::of(ctx)?;
        let Some(source) = caller.load(self.row.source_id).await? else {
            return Ok(Vec::new());
        };
        let unknown = UnknownCode {
            source_code: source.code.clone(),
            code: code.clone(),
        };
        let ids = caller.load(unknown).await?.unwrap_or_default();
        let mut found = caller.load_many(ids.iter().copied()).await?;
        let branches = ids.iter().filter_map(|id| found.remove(id));
        Ok(branches.map(Branch::new).collect())
    }
}

/// Queries on the quarantine.
#[derive(Default)]
pub struct QuarantineQuery;

#[Object]
impl QuarantineQuery {
    /// 待处理条目 · What of a source could not be booked, in the order in which it came (district administrators, and an adapter
    /// of its own source; empty for others).
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "来源代码 · Of which source.")] source_code: String,
        #[graphql(desc = "待处理状态 · In this state; in any when left out.")] state: Option<QuarantineState>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<QuarantinedEntry>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_quarantine_page(&args)?;
        let Some(source) = by_code(caller, &source_code).await? else {
            return Ok(Connection::empty());
        };
        let (source, state) = (source.id, state.map(Into::into));
        let reader = caller.database.reader();
        let page = store::list_quarantine(reader, &caller.scope, source, state, &args).await?;
        Ok(Connection::new(
            page.map(QuarantinedEntry::new),
            Box::new(move |ctx| {
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    let reader = caller.database.reader();
                    Ok(store::count_quarantine(reader, &caller.scope, source, state).await?)
                })
            }),
        ))
    }
}

impl Loader<QuarantinedEntryId> for Batch {
    type Value = Arc<quarantined::Quarantined>;
    type Error = ApiError;

    async fn load(&self, ids: &[QuarantinedEntryId]) -> Loaded<QuarantinedEntryId, Self::Value> {
        let rows = store::quarantined_by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

/// A code that no branch has towards a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct UnknownCode {
    source_code: String,
    code: String,
}

impl Loader<UnknownCode> for Batch {
    type Value = Vec<BranchId>;
    type Error = ApiError;

    /// All codes are read once, whatever the number of those that are like none of them.
    async fn load(&self, unknown: &[UnknownCode]) -> Loaded<UnknownCode, Self::Value> {
        let known = store::known_codes(self.database.reader()).await?;
        let mut suggested = HashMap::with_capacity(unknown.len());
        for one in unknown {
            suggested.insert(one.clone(), likest(&one.source_code, &one.code, &known));
            // In a large district it takes a millisecond.
            tokio::task::yield_now().await;
        }
        Ok(suggested)
    }
}
