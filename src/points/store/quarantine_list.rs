//! The quarantine as it is read.

use std::collections::HashMap;

use entity::quarantined_entry;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, Select, Statement, sea_query::Expr,
};
use serde_json::json;

use super::{Source, sources};
use crate::{
    auth::Scope,
    kernel::{
        id::{PointSourceId, QuarantinedEntryId},
        page::{Page, PageArgs, PageError},
    },
    points::{
        entry::Reason,
        quarantined::{QuarantineState, Quarantined},
        similar::KnownCode,
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
    },
};

impl FromRow for Quarantined {
    type Entity = quarantined_entry::Entity;

    const COLUMNS: &'static [quarantined_entry::Column] = &[
        quarantined_entry::Column::Id,
        quarantined_entry::Column::SourceId,
        quarantined_entry::Column::Reason,
        quarantined_entry::Column::Detail,
        quarantined_entry::Column::Payload,
        quarantined_entry::Column::Content,
        quarantined_entry::Column::BranchCode,
        quarantined_entry::Column::ReceivedAt,
        quarantined_entry::Column::State,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            source_id: cells.take()?,
            reason: cells.named("quarantined_entry.reason", Reason::parse)?,
            detail: cells.take()?,
            payload: cells.take()?,
            content: cells.take()?,
            branch_code: cells.optional()?,
            received_at: cells.take()?,
            state: cells.named("quarantined_entry.state", QuarantineState::parse)?,
        })
    }
}

/// Entries by id, of sources whose quarantine is in scope.
pub(in crate::points) async fn quarantined_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[QuarantinedEntryId],
) -> Result<HashMap<QuarantinedEntryId, Quarantined>, StoreError> {
    let selection = quarantined_entry::Entity::find()
        .filter(scope.source_rows(Expr::col(quarantined_entry::Column::SourceId)))
        .filter(row::among(connection, quarantined_entry::Column::Id, ids));
    row::by_key(connection, selection, |row: &Quarantined| row.id).await
}

/// In the order in which they came.
fn as_received() -> Keyset {
    let id = Expr::col((quarantined_entry::Entity, quarantined_entry::Column::Id));
    Keyset::new("quarantine.received", [KeyColumn::asc(id, KeyKind::Int)])
}

/// Checks page arguments of the quarantine before anything is read.
pub(in crate::points) fn check_quarantine_page(args: &PageArgs) -> Result<(), PageError> {
    as_received().check(args).map(drop)
}

fn of_source(
    scope: &Scope,
    source: PointSourceId,
    state: Option<QuarantineState>,
) -> Select<quarantined_entry::Entity> {
    let selection = quarantined_entry::Entity::find()
        .filter(scope.source_rows(Expr::col(quarantined_entry::Column::SourceId)))
        .filter(quarantined_entry::Column::SourceId.eq(source));
    match state {
        Some(state) => selection.filter(quarantined_entry::Column::State.eq(state.as_str())),
        None => selection,
    }
}

/// A page of a source's quarantine, in the order in which the entries came.
pub(in crate::points) async fn list_quarantine(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    source: PointSourceId,
    state: Option<QuarantineState>,
    args: &PageArgs,
) -> Result<Page<Quarantined>, ListError> {
    let order = as_received();
    let request = order.check(args)?;
    let selection = of_source(scope, source, state);
    let page = order.page(connection, selection, &request, |row: &Quarantined| {
        vec![json!(row.id)]
    });
    page.await
}

/// How many there are.
pub(in crate::points) async fn count_quarantine(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    source: PointSourceId,
    state: Option<QuarantineState>,
) -> Result<u64, StoreError> {
    keyset::count(connection, of_source(scope, source, state)).await
}

/// How many entries of each source wait.
pub(in crate::points) async fn waiting_counts(
    connection: &impl ConnectionTrait,
    sources: &[PointSourceId],
) -> Result<HashMap<PointSourceId, u64>, StoreError> {
    let waiting = quarantined_entry::Entity::find()
        .filter(row::among(
            connection,
            quarantined_entry::Column::SourceId,
            sources,
        ))
        .filter(quarantined_entry::Column::State.eq(QuarantineState::Waiting.as_str()));
    keyset::counts(
        connection,
        waiting,
        Expr::col(quarantined_entry::Column::SourceId),
    )
    .await
}

/// Sources in scope of which something waits for a decision, with how much: what waits for an event or for its time does not.
pub async fn waiting_for_decision(
    connection: &impl ConnectionTrait,
    scope: &Scope,
) -> Result<Vec<(Source, u64)>, StoreError> {
    let waiting = quarantined_entry::Entity::find()
        .filter(scope.source_rows(Expr::col(quarantined_entry::Column::SourceId)))
        .filter(quarantined_entry::Column::State.eq(QuarantineState::Waiting.as_str()))
        .filter(quarantined_entry::Column::Reason.is_in([
            Reason::UnknownBranch.as_str(),
            Reason::InvalidField.as_str(),
            Reason::ConflictingRepeat.as_str(),
        ]));
    let counts: HashMap<PointSourceId, u64> = keyset::counts(
        connection,
        waiting,
        Expr::col(quarantined_entry::Column::SourceId),
    )
    .await?;
    let ids: Vec<PointSourceId> = counts.keys().copied().collect();
    let sources = sources(connection, scope, Some(&ids)).await?;
    let with_count = |source: Source| {
        let count = counts.get(&source.id).copied()?;
        Some((source, count))
    };
    Ok(sources.into_iter().filter_map(with_count).collect())
}

/// All codes of branches that are active.
pub(in crate::points) async fn known_codes(
    connection: &impl ConnectionTrait,
) -> Result<Vec<KnownCode>, StoreError> {
    let sql = "SELECT '' AS source_code, code, id AS branch_id FROM branch WHERE status = 'ACTIVE' UNION ALL \
               SELECT a.source_code, a.code, a.branch_id FROM branch_alias a JOIN branch b ON b.id = a.branch_id \
               WHERE b.status = 'ACTIVE'";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok(KnownCode {
                source_code: Some(cells.take()?).filter(|source: &String| !source.is_empty()),
                code: cells.take()?,
                branch: cells.take()?,
            })
        })
        .collect()
}
