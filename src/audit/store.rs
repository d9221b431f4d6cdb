//! Rows of the audit trail.

use chrono::{DateTime, Utc};
use entity::{audit_entry, audit_seal};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _, QueryOrder as _, QuerySelect as _,
    Statement,
};

use super::{
    AuditRecord,
    chain::{self, GENESIS},
};
use crate::storage::{StoreError, write::Actor};

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
    let head = audit_seal::Entity::find()
        .order_by_desc(audit_seal::Column::Position)
        .limit(1)
        .one(transaction)
        .await?;
    let (mut position, mut previous) = match head {
        Some(head) => (head.position, head.hash),
        None => (0, GENESIS.to_vec()),
    };
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
        previous = chain::link(&previous, &entry).to_vec();
        seals.push(audit_seal::ActiveModel {
            position: Set(position),
            audit_entry_id: Set(entry.id),
            hash: Set(previous.clone()),
        });
    }
    audit_seal::Entity::insert_many(seals)
        .exec_without_returning(transaction)
        .await?;
    Ok(count)
}
