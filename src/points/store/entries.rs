//! The ledger as it is read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{point_entry, posting};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, Select,
    Statement, sea_query::Expr,
};
use serde_json::json;

use crate::{
    auth::Scope,
    kernel::{
        id::{BranchId, PointEntryId, PointSourceId},
        page::{Page, PageArgs, PageError},
        period::Period,
        points::Points,
    },
    points::model::{Activity, EntryKind, LedgerEntry, Posting},
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
    },
};

impl FromRow for LedgerEntry {
    type Entity = point_entry::Entity;

    const COLUMNS: &'static [point_entry::Column] = &[
        point_entry::Column::Id,
        point_entry::Column::SourceId,
        point_entry::Column::EventId,
        point_entry::Column::Revision,
        point_entry::Column::Kind,
        point_entry::Column::BranchId,
        point_entry::Column::Activity,
        point_entry::Column::Points,
        point_entry::Column::OccurredAt,
        point_entry::Column::ReceivedAt,
        point_entry::Column::RefersTo,
        point_entry::Column::Note,
        point_entry::Column::DocumentNumber,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            source_id: cells.take()?,
            event_id: cells.take()?,
            revision: cells.take()?,
            kind: cells.named("point_entry.kind", EntryKind::parse)?,
            branch_id: cells.take()?,
            activity: cells.named("point_entry.activity", Activity::parse)?,
            points: Points::from_hundredths(cells.take()?),
            occurred_at: cells.take()?,
            received_at: cells.take()?,
            refers_to: cells.optional()?,
            note: cells.optional()?,
            document_number: cells.optional()?,
        })
    }
}

/// What a list of entries is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::points) struct EntryFilter {
    /// Of this branch.
    pub branch: Option<BranchId>,
    /// Of this source; `Some(None)` of one that there is not.
    pub source: Option<PointSourceId>,
    /// Earned with one of these.
    pub activities: Option<Vec<Activity>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<EntryKind>>,
    /// Happened at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Happened before this instant.
    pub to: Option<DateTime<Utc>>,
}

fn branch_id() -> Expr {
    Expr::col((point_entry::Entity, point_entry::Column::BranchId))
}

fn filtered(scope: &Scope, filter: &EntryFilter) -> Select<point_entry::Entity> {
    let mut select = point_entry::Entity::find().filter(scope.branch_ids(branch_id()));
    if let Some(branch) = filter.branch {
        select = select.filter(point_entry::Column::BranchId.eq(branch));
    }
    if let Some(source) = filter.source {
        select = select.filter(point_entry::Column::SourceId.eq(source));
    }
    if let Some(activities) = &filter.activities {
        select =
            select.filter(point_entry::Column::Activity.is_in(activities.iter().map(|one| one.as_str())));
    }
    if let Some(kinds) = &filter.kinds {
        select = select.filter(point_entry::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(from) = filter.from {
        select = select.filter(point_entry::Column::OccurredAt.gte(from));
    }
    if let Some(to) = filter.to {
        select = select.filter(point_entry::Column::OccurredAt.lt(to));
    }
    select
}

/// The latest first.
fn latest_first() -> Keyset {
    let column = |column| Expr::col((point_entry::Entity, column));
    Keyset::new(
        "points.latest",
        [
            KeyColumn::desc(column(point_entry::Column::OccurredAt), KeyKind::Instant),
            KeyColumn::desc(column(point_entry::Column::Id), KeyKind::Int),
        ],
    )
}

fn key(row: &LedgerEntry) -> Vec<serde_json::Value> {
    vec![json!(row.occurred_at.timestamp_micros()), json!(row.id)]
}

/// Checks page arguments of entries before anything is read.
pub(in crate::points) fn check_entry_page(args: &PageArgs) -> Result<(), PageError> {
    latest_first().check(args).map(drop)
}

/// Entries by id, of branches in scope.
pub(in crate::points) async fn entries_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[PointEntryId],
) -> Result<HashMap<PointEntryId, LedgerEntry>, StoreError> {
    let selection = point_entry::Entity::find()
        .filter(scope.branch_ids(branch_id()))
        .filter(row::among(connection, point_entry::Column::Id, ids));
    row::by_key(connection, selection, |row: &LedgerEntry| row.id).await
}

/// A page of the entries of branches in scope, the latest first.
pub(in crate::points) async fn list_entries(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &EntryFilter,
    args: &PageArgs,
) -> Result<Page<LedgerEntry>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let page = order.page(connection, filtered(scope, filter), &request, key);
    page.await
}

/// How many there are.
pub(in crate::points) async fn count_entries_listed(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &EntryFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}

fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &EntryFilter,
) -> Select<point_entry::Entity> {
    filtered(scope, filter).filter(row::among(connection, point_entry::Column::BranchId, branches))
}

/// A page of the entries of each branch in scope, the latest first, all in one statement.
pub(in crate::points) async fn entries_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &EntryFilter,
    args: &PageArgs,
) -> Result<HashMap<BranchId, Page<LedgerEntry>>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let select = of_branches(connection, scope, branches, filter);
    order.pages(connection, select, branch_id(), &request, key).await
}

/// How many entries each branch in scope has.
pub(in crate::points) async fn entry_counts_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &EntryFilter,
) -> Result<HashMap<BranchId, u64>, StoreError> {
    keyset::counts(
        connection,
        of_branches(connection, scope, branches, filter),
        branch_id(),
    )
    .await
}

/// What entries that the caller has been shown changed in totals.
pub(in crate::points) async fn postings(
    connection: &impl ConnectionTrait,
    entries: &[PointEntryId],
) -> Result<HashMap<PointEntryId, Vec<Posting>>, StoreError> {
    let rows = posting::Entity::find()
        .filter(row::among(connection, posting::Column::EntryId, entries))
        .order_by_asc(posting::Column::Id)
        .all(connection)
        .await?;
    let mut postings: HashMap<PointEntryId, Vec<Posting>> = HashMap::new();
    for row in rows {
        postings.entry(row.entry_id).or_default().push(Posting {
            branch: row.branch_id,
            counted_at: row.counted_at,
            amount: Points::from_hundredths(row.amount),
        });
    }
    Ok(postings)
}

/// What the entries of a source come to in a period, by branch; summed from postings.
pub(in crate::points) async fn sums_of_source(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    period: Period,
) -> Result<HashMap<BranchId, Points>, StoreError> {
    let sql = "SELECT p.branch_id, CAST(sum(p.amount) AS bigint) FROM posting p \
               JOIN point_entry e ON e.id = p.entry_id \
               WHERE e.source_id = $1 AND p.counted_at >= $2 AND p.counted_at < $3 GROUP BY p.branch_id";
    let (from, to) = period.bounds();
    let values = [source.0.into(), from.into(), to.into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((cells.take()?, Points::from_hundredths(cells.take()?)))
        })
        .collect()
}
