//! What could not be booked, kept whole until it can be or somebody decides.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{point_source, quarantined_entry};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryResult, QuerySelect as _,
    Statement, sea_query::Expr,
};
use serde_json::json;

use super::{Source, texts};
use crate::{
    kernel::{
        clock::day_in_shanghai,
        id::{PointSourceId, QuarantinedEntryId},
    },
    points::{
        entry::{Delivered, Judged, Reason, Unreadable, Waits},
        model::EntryKind,
        quarantined::{QuarantineState, Quarantined},
    },
    storage::{
        StoreError,
        bulk::{self, Kind, instant},
        row::{self, Cells, FromRow as _},
        write::Write,
    },
};

/// A row that waits in quarantine.
#[derive(Clone, Debug)]
pub(in crate::points) struct Waiting {
    /// Its key.
    pub id: QuarantinedEntryId,
    /// The digest of its content.
    pub content: String,
    /// Why it waits.
    pub reason: Reason,
    /// The entry.
    pub payload: String,
}

impl Waiting {
    /// The event that it would be of, and the one that it names; none where it is no entry.
    pub fn keys(&self) -> impl Iterator<Item = (String, EntryKind)> {
        let judged = Judged::of_payload(self.payload.clone(), String::new());
        judged.into_iter().flat_map(|judged| {
            let entry = judged.entry;
            let named = entry.refers_to.map(|name| (name, EntryKind::Earn));
            std::iter::once((entry.event_id, entry.kind)).chain(named)
        })
    }
}

/// What waits and may be concerned by these entries: of their events, or naming them; the earliest first.
pub(in crate::points) async fn waiting(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: &BTreeSet<&str>,
) -> Result<Vec<Waiting>, StoreError> {
    let select = format!(
        "SELECT id, content, reason, payload FROM ( \
           SELECT q.id, q.content, q.reason, q.payload, q.received_at FROM {{rows}} CROSS JOIN quarantined_entry q \
           WHERE q.source_id = {0} AND q.state = 'WAITING' AND q.event_id = given.name \
           UNION \
           SELECT q.id, q.content, q.reason, q.payload, q.received_at FROM {{rows}} CROSS JOIN quarantined_entry q \
           WHERE q.source_id = {0} AND q.state = 'WAITING' AND q.reason = 'UNKNOWN_REFERENCE' \
             AND q.refers_to = given.name) AS found \
         ORDER BY received_at, id",
        source.0
    );
    let rows = texts("name", names.iter().copied());
    let rows = bulk::run(connection, &select, &[("name", Kind::Text)], rows).await?;
    rows.iter().map(|row| waiting_row(&mut Cells::new(row))).collect()
}

/// What waits for its time, dated `until` or earlier, or for a code that some branch has; behind `after`, in the order in
/// which it came. Whether the branch had the code on that day is for the caller to say.
pub(in crate::points) async fn maybe_due(
    connection: &impl ConnectionTrait,
    until: DateTime<Utc>,
    after: Option<QuarantinedEntryId>,
    limit: u64,
) -> Result<Vec<(Source, Waiting)>, StoreError> {
    let sql = "SELECT s.id, s.code, s.name, q.id, q.content, q.reason, q.payload \
               FROM quarantined_entry q JOIN point_source s ON s.id = q.source_id \
               WHERE q.state = 'WAITING' AND q.id > $1 AND ( \
                 (q.reason = 'FUTURE_DATED' AND q.retry_at <= $2) OR (q.reason = 'UNKNOWN_BRANCH' AND ( \
                   EXISTS (SELECT 1 FROM branch b WHERE b.code = q.branch_code) OR \
                   EXISTS (SELECT 1 FROM branch_alias a \
                           WHERE a.code = q.branch_code AND a.source_code IN ('', s.code))))) \
               ORDER BY q.id LIMIT $3";
    let after = after.map_or(0, |id| id.0);
    let values = [after.into(), until.into(), limit.cast_signed().into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(waiting_of_source).collect()
}

/// What waits for a branch of that code, in the order in which it came.
pub(in crate::points) async fn waiting_for_code(
    connection: &impl ConnectionTrait,
    code: &str,
    limit: u64,
) -> Result<Vec<(Source, Waiting)>, StoreError> {
    let sql = "SELECT s.id, s.code, s.name, q.id, q.content, q.reason, q.payload \
               FROM quarantined_entry q JOIN point_source s ON s.id = q.source_id \
               WHERE q.state = 'WAITING' AND q.reason = 'UNKNOWN_BRANCH' AND q.branch_code = $1 \
               ORDER BY q.id LIMIT $2";
    let values = [code.into(), limit.cast_signed().into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(waiting_of_source).collect()
}

/// An entry of the quarantine with its source, as it is now.
pub(in crate::points) async fn quarantined(
    write: &Write<'_>,
    id: QuarantinedEntryId,
) -> Result<Option<(Source, Quarantined)>, StoreError> {
    let connection = write.connection();
    let selection = quarantined_entry::Entity::find_by_id(id);
    let Some(row) = row::one::<Quarantined>(connection, selection).await? else {
        return Ok(None);
    };
    let source = point_source::Entity::find_by_id(row.source_id);
    Ok(row::one::<Source>(connection, source)
        .await?
        .map(|source| (source, row)))
}

/// Marks an entry as not to be booked; whether it waited until now.
pub(in crate::points) async fn discard(
    write: &Write<'_>,
    id: QuarantinedEntryId,
) -> Result<bool, StoreError> {
    let done = quarantined_entry::Entity::update_many()
        .col_expr(
            quarantined_entry::Column::State,
            Expr::value(QuarantineState::Discarded.as_str()),
        )
        .filter(quarantined_entry::Column::Id.eq(id))
        .filter(quarantined_entry::Column::State.eq(QuarantineState::Waiting.as_str()))
        .exec(write.connection())
        .await?;
    Ok(done.rows_affected == 1)
}

/// The first day, in Shanghai, of what waits for a branch of that code.
pub(in crate::points) async fn first_waiting_day(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    code: &str,
) -> Result<Option<NaiveDate>, StoreError> {
    let payloads: Vec<String> = quarantined_entry::Entity::find()
        .select_only()
        .column(quarantined_entry::Column::Payload)
        .filter(quarantined_entry::Column::SourceId.eq(source))
        .filter(quarantined_entry::Column::BranchCode.eq(code))
        .filter(quarantined_entry::Column::State.eq(QuarantineState::Waiting.as_str()))
        .filter(quarantined_entry::Column::Reason.eq(Reason::UnknownBranch.as_str()))
        .into_tuple()
        .all(connection)
        .await?;
    let entries = payloads
        .into_iter()
        .filter_map(|payload| Judged::of_payload(payload, String::new()));
    Ok(entries
        .map(|judged| day_in_shanghai(judged.entry.occurred_at))
        .min())
}

fn waiting_of_source(row: &QueryResult) -> Result<(Source, Waiting), StoreError> {
    let mut cells = Cells::new(row);
    Ok((Source::from_row(&mut cells)?, waiting_row(&mut cells)?))
}

fn waiting_row(cells: &mut Cells<'_>) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        id: cells.take()?,
        content: cells.take()?,
        reason: cells.named("quarantined_entry.reason", Reason::parse)?,
        payload: cells.take()?,
    })
}

/// An entry that is to be kept.
pub(in crate::points) struct Kept<'a> {
    /// None where its fields hold what no column takes: it is whole in its payload.
    entry: Option<&'a Delivered>,
    payload: &'a str,
    content: &'a str,
    reason: Reason,
    detail: &'a str,
    retry_at: Option<DateTime<Utc>>,
}

impl<'a> Kept<'a> {
    /// One that waits.
    pub fn waiting(judged: &'a Judged, waits: &'a Waits) -> Self {
        Self {
            entry: (waits.reason != Reason::InvalidField).then_some(&judged.entry),
            payload: &judged.payload,
            content: &judged.content,
            reason: waits.reason,
            detail: &waits.detail,
            retry_at: waits.retry_at,
        }
    }

    /// One that cannot be read.
    pub fn unreadable(row: &'a Unreadable) -> Self {
        Self {
            entry: None,
            payload: &row.payload,
            content: &row.content,
            reason: Reason::InvalidField,
            detail: &row.detail,
            retry_at: None,
        }
    }
}

/// Keeps entries that cannot be booked; one that waits already is not kept twice, and nobody is asked again about one that
/// was discarded. How many are new.
pub(in crate::points) async fn quarantine(
    write: &Write<'_>,
    source: PointSourceId,
    received_at: DateTime<Utc>,
    entries: &[Kept<'_>],
) -> Result<usize, StoreError> {
    let columns = [
        ("event_id", Kind::Text),
        ("revision", Kind::BigInt),
        ("content", Kind::Text),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
        ("payload", Kind::Text),
        ("branch_code", Kind::Text),
        ("refers_to", Kind::Text),
        ("retry_at", Kind::Instant),
        ("received_at", Kind::Instant),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let rows = entries
        .iter()
        .map(|kept| {
            let entry = kept.entry;
            json!({
                "event_id": entry.map(|entry| &entry.event_id),
                "revision": entry.map(|entry| entry.revision),
                "content": kept.content,
                "reason": kept.reason.as_str(),
                "detail": kept.detail,
                "payload": kept.payload,
                "branch_code": entry.map(|entry| &entry.branch_code),
                "refers_to": entry.and_then(|entry| entry.refers_to.as_ref()),
                "retry_at": kept.retry_at.map(instant),
                "received_at": instant(received_at),
            })
        })
        .collect();
    let insert = format!(
        "INSERT INTO quarantined_entry (source_id, state, {names}) \
         SELECT {0}, 'WAITING', {columns} FROM {{rows}} WHERE NOT EXISTS \
           (SELECT 1 FROM quarantined_entry d WHERE d.source_id = {0} AND d.content = given.content \
            AND d.state = 'DISCARDED') \
         ON CONFLICT (source_id, content) WHERE state = 'WAITING' DO NOTHING RETURNING id",
        source.0,
        columns = columns.map(|(name, _)| format!("given.{name}")).join(", "),
    );
    let new = bulk::run(write.connection(), &insert, &columns, rows).await?;
    Ok(new.len())
}

/// Rows of the quarantine whose entries have been booked.
pub(in crate::points) async fn replayed(
    write: &Write<'_>,
    rows: &[QuarantinedEntryId],
) -> Result<(), StoreError> {
    let rows = rows.iter().map(|id| json!({ "id": id.0 })).collect();
    let update = "UPDATE quarantined_entry SET state = 'REPLAYED' WHERE id IN (SELECT id FROM {rows})";
    bulk::run(write.connection(), update, &[("id", Kind::BigInt)], rows).await?;
    Ok(())
}

/// Rows of the quarantine whose key has been booked with another content: they can only be discarded now.
pub(in crate::points) async fn conflict(
    write: &Write<'_>,
    rows: &[QuarantinedEntryId],
) -> Result<(), StoreError> {
    let rows = rows.iter().map(|id| json!({ "id": id.0 })).collect();
    let update = "UPDATE quarantined_entry SET reason = 'CONFLICTING_REPEAT', retry_at = NULL \
                  WHERE id IN (SELECT id FROM {rows})";
    bulk::run(write.connection(), update, &[("id", Kind::BigInt)], rows).await?;
    Ok(())
}
