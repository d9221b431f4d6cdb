//! The change log in the API.

use std::{any::Any, sync::Arc, time::Duration};

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use futures_util::{
    future::BoxFuture,
    stream::{self, Stream},
};
use tokio::sync::Mutex;

use super::{
    change,
    changes::Changes,
    cursor::Cursor,
    page::{self, ChangesError},
    store::LoggedChange,
};
use crate::{
    graphql::{
        caller::Caller,
        error::{ApiError, ErrorCode, nullable},
        inputs::each_once,
        node::Node,
        scalars::{ChangeCursor, DateTime},
    },
    kernel::{
        id::{BranchId, NodeId as _, OrganizationId},
        message::Message,
        page::{MAX_PAGE, PageError},
    },
};

/// 变更主题 · What kind of thing changed.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "change::Topic")]
pub enum Topic {
    /// 组织
    Organization,
    /// 党支部
    Branch,
    /// 支部品牌
    Brand,
    /// 结对共建
    Pairing,
    /// 培训与阵地
    Training,
    /// 年度活动
    Campaign,
    /// 红色体检
    HealthCheck,
    /// 问题整改
    Rectification,
    /// 金牌评比 · applications and vetoes; a veto's node is null for all but the district
    Gold,
    /// 积分 · the branch whose points moved, one change a branch and transaction
    Points,
    /// 积分来源 · what a source is doing: for district administrators, and an adapter of its own source
    Source,
}

/// 变更动作 · What happened to it.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "change::Action")]
pub enum ChangeAction {
    /// 新建
    Created,
    /// 修改
    Updated,
    /// 移除
    Removed,
}

/// 变更 · One change, as the log holds it.
pub struct Change {
    row: LoggedChange,
    nonce: i64,
}

/// 变更 · One change, as the log holds it; what the thing is now is read anew.
#[Object]
impl Change {
    /// 游标 · The place of this change; changes after it are later ones.
    async fn cursor(&self) -> ChangeCursor {
        ChangeCursor(Cursor {
            nonce: self.nonce,
            position: self.row.position,
        })
    }

    /// 发生时间 · When it was written, by the machine's clock.
    async fn at(&self) -> DateTime {
        self.row.at.into()
    }

    /// 主题 · What kind of thing changed.
    async fn topic(&self) -> Topic {
        self.row.topic.into()
    }

    /// 动作 · What happened to it.
    async fn action(&self) -> ChangeAction {
        self.row.action.into()
    }

    /// 对象标识 · The thing that changed.
    async fn node_id(&self) -> ID {
        self.row.node.encode().into()
    }

    /// 版本 · The version that this change made, where the thing has versions.
    async fn version(&self) -> Option<i32> {
        self.row.version
    }

    /// 对象 · The thing as it is now; null where it is gone, or has left the caller's scope.
    async fn node(&self, ctx: &Context<'_>) -> Option<Result<Node, ApiError>> {
        nullable(async { Node::load(Caller::of(ctx)?, self.row.node).await }).await
    }

    /// 相关支部 · The branches it concerns.
    async fn branch_ids(&self) -> Vec<ID> {
        self.row.branch_ids.iter().map(|id| id.global().into()).collect()
    }
}

/// 变更分页 · A page of the change log.
#[derive(SimpleObject)]
pub struct ChangePage {
    /// 变更 · The changes, oldest first.
    changes: Vec<Change>,
    /// 续读游标 · Where the next page begins; also where nothing has changed.
    cursor: ChangeCursor,
    /// 是否还有 · Whether more may follow at once; a page may be short and still have more behind it.
    has_more: bool,
}

/// 变更筛选 · Which changes to hear of; those that fit everything given.
#[derive(InputObject, Default)]
pub struct ChangeFilter {
    /// 主题 · Of these topics.
    topics: Option<Vec<Topic>>,
    /// 支部 · That concern one of these branches.
    branch_ids: Option<Vec<ID>>,
    /// 组织 · In this organization's subtree, as it stood when they happened.
    organization_id: Option<ID>,
}

impl ChangeFilter {
    /// An id that names nothing matches nothing.
    fn into_filter(self) -> page::ChangeFilter {
        page::ChangeFilter {
            topics: each_once(self.topics),
            branches: self
                .branch_ids
                .map(|ids| ids.iter().filter_map(|id| BranchId::from_global(id)).collect()),
            organization: self
                .organization_id
                .map(|id| OrganizationId::from_global(&id).unwrap_or(OrganizationId(0))),
        }
    }
}

/// Queries on the change log.
#[derive(Default)]
pub struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// 变更日志 · The change log in pages, for callers that poll; the same rows that Subscription.changes streams.
    /// Without `after`, from the oldest kept.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "此游标之后 · After this place; from the oldest kept when left out.")] after: Option<
            ChangeCursor,
        >,
        #[graphql(default = 100, desc = "前几条 · The first so many, at most 200.")] first: i32,
        #[graphql(desc = "筛选 · Which changes to hear of.")] filter: Option<ChangeFilter>,
    ) -> Result<ChangePage, ApiError> {
        let caller = Caller::of(ctx)?;
        let first = usize::try_from(first).map_err(|_| PageError::Negative)?;
        if first > MAX_PAGE as usize {
            return Err(PageError::TooMany(i32::try_from(first).unwrap_or(i32::MAX)).into());
        }
        let filter = filter.unwrap_or_default().into_filter();
        let after = after.map(|cursor| cursor.0);
        let page = page::page(&caller.database, &caller.scope, &filter, after, first).await?;
        let nonce = page.cursor.nonce;
        Ok(ChangePage {
            changes: page
                .changes
                .into_iter()
                .map(|row| Change { row, nonce })
                .collect(),
            cursor: ChangeCursor(page.cursor),
            has_more: page.has_more,
        })
    }
}

/// Where a subscription keeps its reader from one change to the next: each is an execution of its own, with loaders and a
/// scope that are as fresh as the change.
#[derive(Clone, Default)]
pub struct ChangesSlot {
    reader: Arc<Mutex<Option<Changes>>>,
    after: Option<Cursor>,
    patience: Duration,
    turn: Option<Turn>,
    held: Arc<Mutex<Option<Box<dyn Any + Send>>>>,
}

/// What a change waits for before what is asked of it is read; what it gives is held until it has been.
pub type Turn = Arc<dyn Fn() -> BoxFuture<'static, Box<dyn Any + Send>> + Send + Sync>;

impl ChangesSlot {
    /// A place for a reader that begins after a cursor, whatever the document says (as it says where there is none), and may
    /// keep a change waiting for so long.
    pub fn new(after: Option<Cursor>, patience: Duration, turn: Turn) -> Self {
        Self {
            reader: Arc::default(),
            after,
            patience,
            turn: Some(turn),
            held: Arc::default(),
        }
    }

    async fn begin(&self) {
        if let Some(turn) = &self.turn {
            let held = turn().await;
            *self.held.lock().await = Some(held);
        }
    }

    /// What is asked of the last change has been read.
    pub async fn end(&self) {
        self.held.lock().await.take();
    }

    /// After which the last change comes; None before there was a reader.
    pub async fn before(&self) -> Option<Cursor> {
        self.reader.lock().await.as_ref().map(Changes::before)
    }

    /// The last change has waited so long for whoever reads.
    pub async fn waited(&self, length: Duration) {
        if let Some(reader) = &mut *self.reader.lock().await {
            reader.waited(length);
        }
    }
}

/// Subscriptions to the change log.
#[derive(Default)]
pub struct ChangeSubscription;

#[Subscription]
impl ChangeSubscription {
    /// 变更订阅 · Every change in scope, each once, in one order that all readers see; with `after`, everything since, then live;
    /// without it, from now. On PostgreSQL the order is that of transaction ids: two changes of one node may stand the other way
    /// round, `node` and `version` are the truth. A cursor that the log no longer holds is an error with code CURSOR_EXPIRED; a
    /// reader too slow for its queue gets SLOW_CONSUMER with its last cursor (`extensions.cursor`); where what is asked of a change
    /// cannot be read in time it gets TIMEOUT with the cursor that this change comes after.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "此游标之后 · After this place; from now on when left out.")] after: Option<
            ChangeCursor,
        >,
        #[graphql(desc = "筛选 · Which changes to hear of.")] filter: Option<ChangeFilter>,
    ) -> Result<impl Stream<Item = Result<Change, ApiError>> + use<>, ApiError> {
        let caller = Caller::of(ctx)?;
        let slot = ctx.data_opt::<ChangesSlot>().cloned().unwrap_or_default();
        let after = slot.after.or(after.map(|cursor| cursor.0));
        let mut reader = slot.reader.clone().lock_owned().await;
        if reader.is_none() {
            let filter = filter.unwrap_or_default().into_filter();
            let database = caller.database.for_its_own();
            let opened = Changes::open(database, caller.scope, filter, after, slot.patience);
            *reader = Some(opened.await?);
        }
        Ok(stream::once(async move {
            let Some(changes) = &mut *reader else {
                return Err(ChangesError::CursorExpired.into());
            };
            let change = changes.next().await?;
            slot.begin().await;
            Ok(Change {
                row: LoggedChange::clone(&change),
                nonce: changes.nonce(),
            })
        }))
    }
}

impl From<ChangesError> for ApiError {
    fn from(error: ChangesError) -> Self {
        match error {
            ChangesError::CursorExpired => ApiError::new(
                ErrorCode::CursorExpired,
                Message::new(
                    "变更日志已不再保留此游标之后的内容，请重新读取全部数据后从新的游标继续",
                    "The change log no longer holds what follows this cursor; read everything anew and go on from there",
                ),
            ),
            ChangesError::TooSlow(cursor) => ApiError::new(
                ErrorCode::SlowConsumer,
                Message::new(
                    "读取过慢，订阅已中止；请从 extensions.cursor 继续",
                    "Read too slowly, the subscription has ended; go on from extensions.cursor",
                ),
            )
            .with("cursor", cursor.encode()),
            ChangesError::Store(error) => error.into(),
        }
    }
}
