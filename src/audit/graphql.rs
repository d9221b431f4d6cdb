//! The audit trail in the API (district administrators).

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, dataloader::Loader};

use super::store::{self, AuditFilter as Filter, Entry};
use crate::{
    auth,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        loaders::{Batch, Loaded},
        scalars::DateTime,
    },
    kernel::id::{AuditEntryId, NodeId as _},
};

/// 角色 · Roles of callers; what each may see and do is in the service's documentation.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "auth::Role")]
pub enum Role {
    /// 区委组织部 · the whole district, every decision
    DistrictAdmin,
    /// 基层党(工)委 · its own subtree
    CommitteeOfficer,
    /// 体检队员 · the health checks it is assigned to, never its own branch's
    Examiner,
    /// 支部书记、党务工作者 · its own branch
    BranchOfficer,
    /// 只读 · mobile front-ends and dashboards
    Viewer,
    /// 平台适配器 · pushes points of its own source, reads that source's state
    Adapter,
}

/// 审计记录 · Who did what.
#[derive(Clone)]
pub struct AuditEntry {
    row: Arc<Entry>,
}

impl AuditEntry {
    /// Loads an entry; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: AuditEntryId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(|row| Self { row }))
    }
}

/// 审计记录 · Who did what, before and after; hash-chained and never changed.
#[Object]
impl AuditEntry {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 时间 · When, by the machine's clock.
    async fn at(&self) -> DateTime {
        self.row.at.into()
    }

    /// 操作者 · The token's opaque subject, or `zhibu` for the service's own jobs and the command line.
    async fn subject(&self) -> &str {
        &self.row.subject
    }

    /// 角色 · Null for the service's own jobs and the command line.
    async fn role(&self) -> Option<Role> {
        self.row.role.map(Into::into)
    }

    /// 操作 · The mutation, command or job; `refused` where access was refused.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// 对象标识 · The thing it was done to.
    async fn node_id(&self) -> Option<ID> {
        self.row.node_id.as_deref().map(ID::from)
    }

    /// 请求编号 · The request it belongs to.
    async fn request_id(&self) -> &str {
        &self.row.request_id
    }

    /// 变更前 · How the thing stood, as JSON.
    async fn before(&self) -> Option<&str> {
        self.row.before.as_deref()
    }

    /// 变更后 · How the thing stands, as JSON.
    async fn after(&self) -> Option<&str> {
        self.row.after.as_deref()
    }
}

/// 审计筛选 · Which entries; those that fit everything given.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// 操作者 · Of this subject.
    subject: Option<String>,
    /// 操作 · Of this action.
    action: Option<String>,
    /// 对象 · Done to this thing.
    node_id: Option<ID>,
    /// 起始时间 · At or after this instant.
    from: Option<DateTime>,
    /// 截止时间 · Before this instant.
    to: Option<DateTime>,
}

/// Queries on the audit trail.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// 审计记录 · Who did what, newest first (district administrators only; empty for others).
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which entries.")] filter: Option<AuditFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AuditEntry>, ApiError> {
        let caller = Caller::of(ctx)?;
        let filter = filter.unwrap_or_default();
        let filter = Filter {
            subject: filter.subject,
            action: filter.action,
            node_id: filter.node_id.map(|id| id.0),
            from: filter.from.map(|at| at.0),
            to: filter.to.map(|at| at.0),
        };
        let args = page_args(first, after, last, before);
        let page = store::list(caller.database.reader(), &caller.requester, &filter, &args).await?;
        Ok(Connection::new(
            page.map(|row| AuditEntry { row: Arc::new(row) }),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.requester, &filter).await?)
                })
            }),
        ))
    }
}

impl Loader<AuditEntryId> for Batch {
    type Value = Arc<Entry>;
    type Error = ApiError;

    async fn load(&self, ids: &[AuditEntryId]) -> Loaded<AuditEntryId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.requester, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}
