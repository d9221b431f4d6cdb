//! Rows of the audit trail.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{audit_entry, audit_seal};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select, Statement,
    sea_query::Expr,
};
use serde_json::json;

use super::{
    AuditRecord,
    chain::{self, GENESIS, Link},
};
use crate::{
    auth::{Requester, Role},
    kernel::{
        id::AuditEntryId,
        page::{Page, PageArgs},
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Actor,
    },
};

/// Entries that the sealer chains in one transaction at most.
const SEAL_BATCH: u64 = 1000;

/// Appends records in the transaction of what they tell of.
pub async fn append(
    transaction: &DatabaseTransaction,
    at: DateTime<Utc>,
    actor: &Actor,
    records: Vec<AuditRecord>,
) -> Result<(), StoreError> {
    let rows = records.into_iter().map(|record| audit_entry::ActiveModel {
        id: NotSet,
        xid: NotSet,
        at: Set(at),
        subject: Set(actor.subject.clone()),
        role: Set(actor.role.map(str::to_owned)),
        action: Set(record.action.to_owned()),
        node_id: Set(record.node.map(|id| id.encode())),
        request_id: Set(actor.request_id.clone()),
        before: Set(record.before.map(|v| v.to_string())),
        after: Set(record.after.map(|v| v.to_string())),
    });
    audit_entry::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    if transaction.get_database_backend() == DbBackend::Sqlite {
        seal(transaction).await?;
    }
    Ok(())
}

/// Chains entries that are not chained yet, in change-log order; gives how many it chained.
///
/// On PostgreSQL only entries of transactions below the snapshot's xmin are taken: nothing can come to stand
/// before them any more. The caller sees to it that only one sealer runs.
pub async fn seal(transaction: &DatabaseTransaction) -> Result<u64, StoreError> {
    let (mut position, mut previous) = head(transaction).await?;
    let bound = match transaction.get_database_backend() {
        DbBackend::Sqlite => "",
        _ => "AND e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    };
    let sql = format!(
        "SELECT e.* FROM audit_entry e \
         WHERE e.id NOT IN (SELECT audit_entry_id FROM audit_seal) {bound} \
         ORDER BY e.xid, e.id LIMIT {SEAL_BATCH}"
    );
    let entries = audit_entry::Entity::find()
        .from_raw_sql(Statement::from_string(transaction.get_database_backend(), sql))
        .all(transaction)
        .await?;
    let count = entries.len() as u64;
    if count == 0 {
        return Ok(0);
    }
    let mut seals = Vec::with_capacity(entries.len());
    for entry in entries {
        position += 1;
        previous = chain::link(&previous, &entry);
        seals.push(audit_seal::ActiveModel {
            position: Set(position),
            audit_entry_id: Set(entry.id),
            hash: Set(previous.to_vec()),
        });
    }
    audit_seal::Entity::insert_many(seals)
        .exec_without_returning(transaction)
        .await?;
    Ok(count)
}

/// How many of the newest entries are looked through for those that are not chained yet.
const UNSEALED_AMONG: i64 = 10_000;

/// How many entries are not chained yet; among the newest ten thousand, which is more than a sealer leaves behind.
pub async fn unsealed(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let backend = connection.get_database_backend();
    let sql = format!(
        "SELECT count(*) AS unsealed FROM audit_entry e \
         WHERE e.id > (SELECT COALESCE(max(id), 0) FROM audit_entry) - {UNSEALED_AMONG} \
         AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.audit_entry_id = e.id)"
    );
    let row = connection
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    row.map_or(Ok(0), |row| row.try_get("", "unsealed"))
        .map_err(StoreError::from)
}

/// An entry as it was written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its key.
    pub id: AuditEntryId,
    /// When, by the machine's clock.
    pub at: DateTime<Utc>,
    /// Who.
    pub subject: String,
    /// As what; none for the service's own.
    pub role: Option<Role>,
    /// What.
    pub action: String,
    /// To which thing.
    pub node_id: Option<String>,
    /// In which request.
    pub request_id: String,
    /// How it stood.
    pub before: Option<String>,
    /// How it stands.
    pub after: Option<String>,
}

/// What a list of entries is narrowed by.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this subject.
    pub subject: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Done to this thing.
    pub node_id: Option<String>,
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
}

impl FromRow for Entry {
    type Entity = audit_entry::Entity;

    const COLUMNS: &'static [audit_entry::Column] = &[
        audit_entry::Column::Id,
        audit_entry::Column::At,
        audit_entry::Column::Subject,
        audit_entry::Column::Role,
        audit_entry::Column::Action,
        audit_entry::Column::NodeId,
        audit_entry::Column::RequestId,
        audit_entry::Column::Before,
        audit_entry::Column::After,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            at: cells.take()?,
            subject: cells.take()?,
            role: cells.optional_named("audit_entry.role", Role::parse)?,
            action: cells.take()?,
            node_id: cells.optional()?,
            request_id: cells.take()?,
            before: cells.optional()?,
            after: cells.optional()?,
        })
    }
}

/// The whole trail for district administrators, none of it for others.
fn visible(requester: &Requester) -> Select<audit_entry::Entity> {
    let select = audit_entry::Entity::find();
    if requester.role() == Role::DistrictAdmin {
        select
    } else {
        select.filter(Expr::cust("1 = 0"))
    }
}

fn filtered(requester: &Requester, filter: &AuditFilter) -> Select<audit_entry::Entity> {
    let mut select = visible(requester);
    let texts = [&filter.subject, &filter.action, &filter.node_id];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        // No entry holds it, and PostgreSQL does not take it.
        return select.filter(Expr::cust("1 = 0"));
    }
    if let Some(subject) = &filter.subject {
        select = select.filter(audit_entry::Column::Subject.eq(subject));
    }
    if let Some(action) = &filter.action {
        select = select.filter(audit_entry::Column::Action.eq(action));
    }
    if let Some(node_id) = &filter.node_id {
        select = select.filter(audit_entry::Column::NodeId.eq(node_id));
    }
    if let Some(from) = filter.from {
        select = select.filter(audit_entry::Column::At.gte(from));
    }
    if let Some(to) = filter.to {
        select = select.filter(audit_entry::Column::At.lt(to));
    }
    select
}

/// A page of entries, newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    filter: &AuditFilter,
    args: &PageArgs,
) -> Result<Page<Entry>, ListError> {
    let order = Keyset::new(
        "audit.newest",
        [KeyColumn::desc(Expr::col(audit_entry::Column::Id), KeyKind::Int)],
    );
    let request = order.check(args)?;
    let key = |row: &Entry| vec![json!(row.id)];
    let page = order
        .page(connection, filtered(requester, filter), &request, key)
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    filter: &AuditFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(requester, filter)).await
}

/// Entries by id.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    ids: &[AuditEntryId],
) -> Result<HashMap<AuditEntryId, Entry>, StoreError> {
    let selection = visible(requester).filter(row::among(connection, audit_entry::Column::Id, ids));
    row::by_key(connection, selection, |row: &Entry| row.id).await
}

/// What walking the chain found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Entries whose link holds.
    pub sealed: u64,
    /// Entries that are not chained yet.
    pub unsealed: u64,
    /// Where the first broken link stands, if one is.
    pub broken_at: Option<i64>,
    /// The last good link.
    pub head: Link,
}

/// Walks the chain from its beginning, in constant memory.
pub async fn verify(connection: &impl ConnectionTrait) -> Result<ChainReport, StoreError> {
    let mut report = ChainReport {
        head: GENESIS,
        ..Default::default()
    };
    loop {
        let rows = sealed_after(connection, report.sealed as i64).await?;
        if rows.is_empty() {
            break;
        }
        for (seal, entry) in rows {
            let expected = entry.map(|entry| chain::link(&report.head, &entry));
            // A gap in the positions is a link that was taken out.
            if seal.position != report.sealed as i64 + 1
                || expected.is_none_or(|link| link[..] != seal.hash[..])
            {
                report.broken_at = Some(seal.position);
                return Ok(report);
            }
            report.sealed += 1;
            report.head = expected.unwrap_or(report.head);
        }
    }
    let entries = keyset::count(connection, audit_entry::Entity::find()).await?;
    report.unsealed = entries.saturating_sub(report.sealed);
    Ok(report)
}

/// A page of seals with their entries, behind a position.
pub async fn sealed_after(
    connection: &impl ConnectionTrait,
    position: i64,
) -> Result<Vec<(audit_seal::Model, Option<audit_entry::Model>)>, StoreError> {
    Ok(audit_seal::Entity::find()
        .find_also_related(audit_entry::Entity)
        .filter(audit_seal::Column::Position.gt(position))
        .order_by_asc(audit_seal::Column::Position)
        .limit(SEAL_BATCH)
        .all(connection)
        .await?)
}

/// How many entries are not chained, of all there are.
pub async fn count_unsealed(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let entries = keyset::count(connection, audit_entry::Entity::find()).await?;
    let seals = keyset::count(connection, audit_seal::Entity::find()).await?;
    Ok(entries.saturating_sub(seals))
}

/// The link of a position, the genesis' of 0; None where there is no such position.
pub async fn link_at(connection: &impl ConnectionTrait, position: i64) -> Result<Option<Link>, StoreError> {
    if position == 0 {
        return Ok(Some(GENESIS));
    }
    let seal = audit_seal::Entity::find_by_id(position).one(connection).await?;
    Ok(seal.and_then(|seal| seal.hash.try_into().ok()))
}

/// The last link with its position; the genesis where nothing is chained yet.
pub async fn head(connection: &impl ConnectionTrait) -> Result<(i64, Link), StoreError> {
    let head = audit_seal::Entity::find()
        .order_by_desc(audit_seal::Column::Position)
        .limit(1)
        .one(connection)
        .await?;
    match head {
        None => Ok((0, GENESIS)),
        Some(head) => {
            let link = head
                .hash
                .try_into()
                .map_err(|_| StoreError::Corrupt("audit_seal.hash is not 32 bytes".to_owned()))?;
            Ok((head.position, link))
        }
    }
}
