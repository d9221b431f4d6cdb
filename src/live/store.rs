//! Rows of the change log.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    branch, change_log, change_log_state, check_examiner, health_check, organization_closure, setting,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _,
    FromQueryResult as _, JoinType, QueryFilter as _, QuerySelect as _, QueryTrait as _, RelationTrait as _,
    Statement,
    sea_query::{Expr, OnConflict, Query},
};

use super::{
    change::{Action, Change, Topic},
    cursor::Position,
};
use crate::{
    kernel::id::{BranchId, ExaminerId, GlobalId, NodeType, OrganizationId},
    storage::{StoreError, row, setting::CHANGE_LOG_PRUNED},
};

/// Ids in one IN list; far below what either database binds (32,766 on SQLite).
const CHUNK: usize = 5000;
/// Rows in one INSERT: 14 columns each.
const INSERT_CHUNK: usize = 1000;

/// A change as the log holds it.
#[derive(Clone, Debug)]
pub struct LoggedChange {
    /// Where in the log it stands.
    pub position: Position,
    /// When it was written, by the machine's clock.
    pub at: DateTime<Utc>,
    /// What kind of thing moved.
    pub topic: Topic,
    /// What happened to it.
    pub action: Action,
    /// What it happened to.
    pub node: GlobalId,
    /// Its version afterwards, where it carries one.
    pub version: Option<i32>,
    /// The branches it belongs to, before and after.
    pub branch_ids: Vec<BranchId>,
    /// The organizations of its branches and all above them, as they stood before and after.
    pub organization_ids: Vec<OrganizationId>,
    /// The examiners of its branches' checks, where only those in scope may learn of it.
    pub examiner_ids: Vec<ExaminerId>,
    /// Whether callers without a scope may learn of it.
    pub public: bool,
}

/// What a transaction appended to the log.
#[derive(Clone, Debug, Default)]
pub struct Appended {
    /// What moved.
    pub moved: Vec<Moved>,
    /// The places of the rows, in any order.
    pub places: Vec<Position>,
}

/// What moved, as freshness needs to know it.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What kind of thing.
    pub topic: Topic,
    /// The branches that it concerns.
    pub branches: Vec<BranchId>,
}

/// Appends changes in the transaction that made them, with the organizations in whose scope they lie.
pub async fn append(
    transaction: &DatabaseTransaction,
    at: DateTime<Utc>,
    incarnation: i64,
    changes: Vec<Change>,
) -> Result<Appended, StoreError> {
    if changes.is_empty() {
        return Ok(Appended::default());
    }
    let moved = changes
        .iter()
        .map(|change| Moved {
            topic: change.topic,
            branches: change.branches.clone(),
        })
        .collect();
    let homes = homes(
        transaction,
        changes.iter().flat_map(|c| c.branches.iter().copied()),
    )
    .await?;
    let named: BTreeSet<OrganizationId> = homes
        .values()
        .copied()
        .chain(changes.iter().flat_map(|c| c.organizations.iter().copied()))
        .collect();
    let ancestors = ancestors(transaction, named).await?;
    let private = changes.iter().filter(|change| !change.public);
    let examiners = examiners(transaction, private.flat_map(|c| c.branches.iter().copied())).await?;
    let rows = changes.into_iter().map(|change| {
        let scope: BTreeSet<OrganizationId> = change
            .branches
            .iter()
            .filter_map(|b| homes.get(b))
            .chain(&change.organizations)
            .flat_map(|o| ancestors.get(o).into_iter().flatten().copied())
            .collect();
        let mut told: BTreeSet<ExaminerId> = change.examiners.iter().copied().collect();
        if !change.public {
            told.extend(change.branches.iter().filter_map(|b| examiners.get(b)).flatten());
        }
        change_log::ActiveModel {
            seq: NotSet,
            incarnation: Set(incarnation),
            xid: NotSet,
            at: Set(at),
            topic: Set(change.topic.as_str().to_owned()),
            action: Set(change.action.as_str().to_owned()),
            node_type: Set(change.node.node_type.as_str().to_owned()),
            node_id: Set(change.node.number),
            version: Set(change.version),
            branch_ids: Set(ids_text(change.branches.iter().map(|id| id.0))),
            organization_ids: Set(ids_text(scope.iter().map(|id| id.0))),
            source_code: Set(None),
            public: Set(change.public),
            examiner_ids: Set(ids_text(told.iter().map(|id| id.0))),
        }
    });
    let rows: Vec<_> = rows.collect();
    let mut places = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(INSERT_CHUNK) {
        let mut insert = change_log::Entity::insert_many(chunk.iter().cloned()).into_query();
        insert.returning(Query::returning().columns([change_log::Column::Xid, change_log::Column::Seq]));
        for row in transaction.query_all(&insert).await? {
            places.push(Position {
                incarnation,
                xid: row.try_get_by_index(0)?,
                seq: row.try_get_by_index(1)?,
            });
        }
    }
    Ok(Appended { moved, places })
}

/// The organization directly above each branch.
async fn homes(
    connection: &impl ConnectionTrait,
    branches: impl Iterator<Item = BranchId>,
) -> Result<HashMap<BranchId, OrganizationId>, StoreError> {
    let ids: Vec<BranchId> = branches.collect::<BTreeSet<_>>().into_iter().collect();
    let mut homes = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(BranchId, OrganizationId)> = branch::Entity::find()
            .select_only()
            .columns([branch::Column::Id, branch::Column::OrganizationId])
            .filter(branch::Column::Id.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(connection)
            .await?;
        homes.extend(rows);
    }
    Ok(homes)
}

/// Who was assigned to a check of each branch.
async fn examiners(
    connection: &impl ConnectionTrait,
    branches: impl Iterator<Item = BranchId>,
) -> Result<HashMap<BranchId, Vec<ExaminerId>>, StoreError> {
    let ids: Vec<BranchId> = branches.collect::<BTreeSet<_>>().into_iter().collect();
    let mut examiners: HashMap<BranchId, Vec<ExaminerId>> = HashMap::new();
    if ids.is_empty() {
        return Ok(examiners);
    }
    let rows: Vec<(BranchId, ExaminerId)> = check_examiner::Entity::find()
        .select_only()
        .column(health_check::Column::BranchId)
        .column(check_examiner::Column::ExaminerId)
        .join(JoinType::InnerJoin, check_examiner::Relation::HealthCheck.def())
        .filter(row::among(connection, health_check::Column::BranchId, &ids))
        .into_tuple()
        .all(connection)
        .await?;
    for (branch, examiner) in rows {
        examiners.entry(branch).or_default().push(examiner);
    }
    Ok(examiners)
}

/// Each organization with all above it, itself among them.
async fn ancestors(
    connection: &impl ConnectionTrait,
    organizations: BTreeSet<OrganizationId>,
) -> Result<HashMap<OrganizationId, Vec<OrganizationId>>, StoreError> {
    let mut above: HashMap<OrganizationId, Vec<OrganizationId>> = HashMap::new();
    let ids: Vec<OrganizationId> = organizations.into_iter().collect();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(OrganizationId, OrganizationId)> = organization_closure::Entity::find()
            .select_only()
            .columns([
                organization_closure::Column::DescendantId,
                organization_closure::Column::AncestorId,
            ])
            .filter(organization_closure::Column::DescendantId.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(connection)
            .await?;
        for (below, ancestor) in rows {
            above.entry(below).or_default().push(ancestor);
        }
    }
    Ok(above)
}

/// Rows after a position, in the order every reader sees, at most `limit`.
///
/// On PostgreSQL rows of this incarnation are read only below the snapshot's xmin: above it a transaction with a
/// smaller id may still commit. Rows of earlier incarnations are all there is of them.
pub async fn read(
    connection: &impl ConnectionTrait,
    incarnation: i64,
    after: Position,
    limit: u64,
) -> Result<Vec<LoggedChange>, StoreError> {
    let backend = connection.get_database_backend();
    let (bound, [p1, p2, p3]) = match backend {
        DbBackend::Sqlite => (String::new(), ["?1", "?2", "?3"]),
        _ => (
            format!(
                "AND (incarnation < {incarnation} \
                 OR xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
            ),
            ["$1", "$2", "$3"],
        ),
    };
    let sql = format!(
        "SELECT * FROM change_log WHERE (incarnation, xid, seq) > ({p1}, {p2}, {p3}) {bound} \
         ORDER BY incarnation, xid, seq LIMIT {limit}"
    );
    let values = [after.incarnation.into(), after.xid.into(), after.seq.into()];
    change_log::Entity::find()
        .from_raw_sql(Statement::from_sql_and_values(backend, sql, values))
        .all(connection)
        .await?
        .into_iter()
        .map(logged)
        .collect()
}

/// Rows after a place that are committed, whether or not they have their place in the order for good, at most `limit`; and the
/// smallest transaction id that may still be running (None where there is one writer).
pub async fn tail(
    connection: &impl ConnectionTrait,
    incarnation: i64,
    after: Position,
    limit: u64,
) -> Result<(Vec<LoggedChange>, Option<i64>), StoreError> {
    let backend = connection.get_database_backend();
    let xmin = match backend {
        DbBackend::Sqlite => "NULL",
        _ => "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    };
    let sql = format!(
        "SELECT *, {xmin} AS xmin_now FROM change_log WHERE incarnation = {incarnation} \
         AND (incarnation, xid, seq) > ($1, $2, $3) ORDER BY incarnation, xid, seq LIMIT {limit}"
    );
    let values = [after.incarnation.into(), after.xid.into(), after.seq.into()];
    let rows = connection
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    let xmin = match rows.first() {
        Some(row) => row.try_get("", "xmin_now")?,
        None => None,
    };
    let changes = rows
        .iter()
        .map(|row| logged(change_log::Model::from_query_result(row, "")?));
    Ok((changes.collect::<Result<_, _>>()?, xmin))
}

/// The last place in the log that a reader may be at.
pub async fn head(connection: &impl ConnectionTrait, incarnation: i64) -> Result<Position, StoreError> {
    let backend = connection.get_database_backend();
    let bound = match backend {
        DbBackend::Sqlite => String::new(),
        _ => format!(
            "WHERE incarnation < {incarnation} OR xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        ),
    };
    let sql = format!(
        "SELECT incarnation, xid, seq FROM change_log {bound} ORDER BY incarnation DESC, xid DESC, seq DESC LIMIT 1"
    );
    let row = connection
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    Ok(match row {
        Some(row) => Position {
            incarnation: row.try_get("", "incarnation")?,
            xid: row.try_get("", "xid")?,
            seq: row.try_get("", "seq")?,
        },
        None => Position {
            incarnation,
            xid: 0,
            seq: 0,
        },
    })
}

/// The log's incarnation and nonce, if it has been opened before.
pub async fn state(connection: &impl ConnectionTrait) -> Result<Option<(i64, i64)>, StoreError> {
    let row = change_log_state::Entity::find_by_id(1).one(connection).await?;
    Ok(row.map(|row| (row.incarnation, row.nonce)))
}

/// Begins a new incarnation: cursors of earlier ones are not taken any more.
pub async fn begin_incarnation(
    connection: &impl ConnectionTrait,
    nonce: i64,
) -> Result<(i64, i64), StoreError> {
    let incarnation = match state(connection).await? {
        None => {
            change_log_state::Entity::insert(change_log_state::ActiveModel {
                id: Set(1),
                incarnation: Set(1),
                nonce: Set(nonce),
            })
            .exec_without_returning(connection)
            .await?;
            1
        }
        Some((incarnation, _)) => {
            change_log_state::Entity::update_many()
                .col_expr(
                    change_log_state::Column::Incarnation,
                    Expr::value(incarnation + 1),
                )
                .col_expr(change_log_state::Column::Nonce, Expr::value(nonce))
                .exec(connection)
                .await?;
            incarnation + 1
        }
    };
    Ok((incarnation, nonce))
}

/// Whether the log holds a transaction id that this PostgreSQL cluster has not given yet: the database was restored
/// into another cluster, and new rows would come to stand before old ones.
pub async fn is_from_another_cluster(
    connection: &impl ConnectionTrait,
    incarnation: i64,
) -> Result<bool, StoreError> {
    if connection.get_database_backend() == DbBackend::Sqlite {
        return Ok(false);
    }
    let sql = format!(
        "SELECT coalesce(max(xid) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint, false) AS foreign_log \
         FROM change_log WHERE incarnation = {incarnation}"
    );
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    Ok(match row {
        Some(row) => row.try_get("", "foreign_log")?,
        None => false,
    })
}

/// Deletes rows of before an instant, but never the newest one: the head must stay known. Remembers up to where,
/// so that a cursor of a deleted part is told from a good one.
pub async fn prune(transaction: &DatabaseTransaction, before: DateTime<Utc>) -> Result<(), StoreError> {
    let newest = "SELECT seq FROM change_log ORDER BY incarnation DESC, xid DESC, seq DESC LIMIT 1";
    let backend = transaction.get_database_backend();
    let p = if backend == DbBackend::Sqlite { "?1" } else { "$1" };
    let last = format!(
        "SELECT incarnation, xid, seq FROM change_log WHERE at < {p} AND seq NOT IN ({newest}) \
         ORDER BY incarnation DESC, xid DESC, seq DESC LIMIT 1"
    );
    let row = transaction
        .query_one_raw(Statement::from_sql_and_values(backend, last, [before.into()]))
        .await?;
    let Some(row) = row else { return Ok(()) };
    let position: (i64, i64, i64) = (
        row.try_get("", "incarnation")?,
        row.try_get("", "xid")?,
        row.try_get("", "seq")?,
    );
    // By place, not by time: clocks do not run in the order of transactions, and a row left standing before the
    // remembered place would hand out cursors that have expired already.
    let [p1, p2, p3] = match backend {
        DbBackend::Sqlite => ["?1", "?2", "?3"],
        _ => ["$1", "$2", "$3"],
    };
    transaction
        .execute_raw(Statement::from_sql_and_values(
            backend,
            format!("DELETE FROM change_log WHERE (incarnation, xid, seq) <= ({p1}, {p2}, {p3})"),
            [position.0.into(), position.1.into(), position.2.into()],
        ))
        .await?;
    let value = format!("{} {} {}", position.0, position.1, position.2);
    setting::Entity::insert(setting::ActiveModel {
        name: Set(CHANGE_LOG_PRUNED.to_owned()),
        value: Set(value),
    })
    .on_conflict(
        OnConflict::column(setting::Column::Name)
            .update_column(setting::Column::Value)
            .to_owned(),
    )
    .exec_without_returning(transaction)
    .await?;
    Ok(())
}

/// Up to where the log has been pruned; rows up to there are gone.
pub async fn pruned(connection: &impl ConnectionTrait) -> Result<Option<Position>, StoreError> {
    let Some(value) = crate::storage::setting::get(connection, CHANGE_LOG_PRUNED).await? else {
        return Ok(None);
    };
    match ids(&value)?.as_slice() {
        &[incarnation, xid, seq] => Ok(Some(Position {
            incarnation,
            xid,
            seq,
        })),
        _ => Err(StoreError::corrupt("setting.change_log_pruned", &value)),
    }
}

fn logged(row: change_log::Model) -> Result<LoggedChange, StoreError> {
    let node_type = NodeType::parse(&row.node_type)
        .ok_or_else(|| StoreError::corrupt("change_log.node_type", &row.node_type))?;
    Ok(LoggedChange {
        position: Position {
            incarnation: row.incarnation,
            xid: row.xid,
            seq: row.seq,
        },
        at: row.at,
        topic: Topic::parse(&row.topic).ok_or_else(|| StoreError::corrupt("change_log.topic", &row.topic))?,
        action: Action::parse(&row.action)
            .ok_or_else(|| StoreError::corrupt("change_log.action", &row.action))?,
        node: GlobalId {
            node_type,
            number: row.node_id,
        },
        version: row.version,
        branch_ids: ids(&row.branch_ids)?.into_iter().map(BranchId).collect(),
        organization_ids: ids(&row.organization_ids)?
            .into_iter()
            .map(OrganizationId)
            .collect(),
        examiner_ids: ids(&row.examiner_ids)?.into_iter().map(ExaminerId).collect(),
        public: row.public,
    })
}

fn ids_text(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    ids.join(" ")
}

fn ids(text: &str) -> Result<Vec<i64>, StoreError> {
    text.split_ascii_whitespace()
        .map(|id| {
            id.parse()
                .map_err(|_| StoreError::corrupt("change_log ids", text))
        })
        .collect()
}
