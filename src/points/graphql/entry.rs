//! The ledger's lines.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, dataloader::Loader};

use super::{
    super::{
        model::{self, LedgerEntry},
        store::{self, EntryFilter},
    },
    Activity, PointEntryKind, PointSource,
    source::by_code,
};
use crate::{
    branch::graphql::Branch,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
        loaders::{Batch, Loaded},
        scalars::{DateTime, Points},
    },
    kernel::id::{BranchId, NodeId as _, PointEntryId},
    organization::graphql::required,
};

/// A line of the ledger that the caller may see.
#[derive(Clone)]
pub struct PointEntry {
    row: Arc<LedgerEntry>,
}

impl PointEntry {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<LedgerEntry>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a line together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: PointEntryId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 积分流水 · One line of the ledger; never changed or removed. The key is (source, eventId, revision).
#[Object]
impl PointEntry {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 积分来源 · Where it came from.
    async fn source(&self, ctx: &Context<'_>) -> Result<PointSource, ApiError> {
        required(PointSource::load(Caller::of(ctx)?, self.row.source_id).await?)
    }

    /// 事件编号 · The platform's name for what happened.
    async fn event_id(&self) -> &str {
        &self.row.event_id
    }

    /// 修订号 · Of an event the greatest revision counts.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// 党支部 · Whose points they are.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 积分类别 · What it does.
    async fn kind(&self) -> PointEntryKind {
        self.row.kind.into()
    }

    /// 积分事由 · What the points were earned with.
    async fn activity(&self) -> Activity {
        self.row.activity.into()
    }

    /// 积分 · How many, as they were delivered; `postings` say what counts.
    async fn points(&self) -> Points {
        self.row.points.into()
    }

    /// 发生时间 · When it happened.
    async fn occurred_at(&self) -> DateTime {
        self.row.occurred_at.into()
    }

    /// 接收时间 · When it came, by the machine's clock.
    async fn received_at(&self) -> DateTime {
        self.row.received_at.into()
    }

    /// 所指事件 · The event that a reversal or correction answers.
    async fn refers_to(&self) -> Option<&str> {
        self.row.refers_to.as_deref()
    }

    /// 记账 · What it changed in totals: none where it changed nothing, two where a revision moved its event to another branch
    /// or month.
    async fn postings(&self, ctx: &Context<'_>) -> Result<Vec<Posting>, ApiError> {
        let postings = Caller::of(ctx)?.load(PostingsOf(self.row.id)).await?;
        let postings = postings.map(|postings| postings.iter().map(Posting::new).collect());
        Ok(postings.unwrap_or_default())
    }

    /// 文号 · The document that an adjustment rests on.
    async fn document_number(&self) -> Option<&str> {
        self.row.document_number.as_deref()
    }

    /// 备注 · A remark; persons' numbers in it are masked.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }
}

/// What an entry changed.
pub struct Posting {
    posting: model::Posting,
}

impl Posting {
    fn new(posting: &model::Posting) -> Self {
        Self {
            posting: posting.clone(),
        }
    }
}

/// 记账 · A signed amount on a branch's total, counted in the month and year of countedAt.
#[Object]
impl Posting {
    /// 党支部 · On whose total.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.posting.branch).await?)
    }

    /// 计入时间 · When the event happened, in Asia/Shanghai's month and year of which it counts.
    async fn counted_at(&self) -> DateTime {
        self.posting.counted_at.into()
    }

    /// 金额 · How much more, or less.
    async fn amount(&self) -> Points {
        self.posting.amount.into()
    }
}

/// 积分流水筛选 · What a list of entries is narrowed by.
#[derive(InputObject, Default)]
pub struct PointEntryFilter {
    /// 党支部 · Of this branch.
    branch_id: Option<ID>,
    /// 来源代码 · Of this source.
    source_code: Option<String>,
    /// 积分事由 · Earned with one of these.
    activities: Option<Vec<Activity>>,
    /// 积分类别 · Of one of these kinds.
    kinds: Option<Vec<PointEntryKind>>,
    /// 起始时间 · Happened at this instant or later.
    from: Option<DateTime>,
    /// 截止时间 · Happened before this instant.
    to: Option<DateTime>,
}

impl PointEntryFilter {
    /// None where it names a branch or a source that there is not, so that nothing fits.
    pub(super) async fn resolve(self, caller: &Caller) -> Result<Option<EntryFilter>, ApiError> {
        let branch = match self.branch_id {
            Some(id) => match BranchId::from_global(&id) {
                Some(id) => Some(id),
                None => return Ok(None),
            },
            None => None,
        };
        let source = match self.source_code {
            Some(code) => match by_code(caller, &code).await? {
                Some(source) => Some(source.id),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(Some(EntryFilter {
            branch,
            source,
            activities: each_once(self.activities),
            kinds: each_once(self.kinds),
            from: self.from.map(|at| at.0),
            to: self.to.map(|at| at.0),
        }))
    }
}

/// Queries on the ledger.
#[derive(Default)]
pub struct EntryQuery;

#[Object]
impl EntryQuery {
    /// 积分流水 · Lines of the ledger of branches in scope, the latest first.
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
        let Some(filter) = filter.unwrap_or_default().resolve(caller).await? else {
            return Ok(Connection::empty());
        };
        let page = store::list_entries(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(PointEntry::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    let reader = caller.database.reader();
                    Ok(store::count_entries_listed(reader, &caller.scope, &filter).await?)
                })
            }),
        ))
    }
}

impl Loader<PointEntryId> for Batch {
    type Value = Arc<LedgerEntry>;
    type Error = ApiError;

    async fn load(&self, ids: &[PointEntryId]) -> Loaded<PointEntryId, Self::Value> {
        let rows = store::entries_by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PostingsOf(PointEntryId);

impl Loader<PostingsOf> for Batch {
    type Value = Arc<Vec<model::Posting>>;
    type Error = ApiError;

    async fn load(&self, keys: &[PostingsOf]) -> Loaded<PostingsOf, Self::Value> {
        let ids: Vec<PointEntryId> = keys.iter().map(|key| key.0).collect();
        let postings = store::postings(self.database.reader(), &ids).await?;
        Ok(postings
            .into_iter()
            .map(|(id, postings)| (PostingsOf(id), Arc::new(postings)))
            .collect())
    }
}
