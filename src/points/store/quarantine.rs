//! What could not be booked, kept whole until it can be or somebody decides.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{point_source, quarantined_entry};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, QueryFilter as _, QueryResult, Statement,
    sea_query::Expr,
};
use serde_json::json;

use super::{NAMED, Source, named};
use crate::{
    kernel::{
        clock::day_in_shanghai,
        id::{PointSourceId, QuarantinedEntryId},
    },
    points::{
        concerned::EventKey,
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
    pub fn keys(&self) -> Option<(EventKey, Option<EventKey>)> {
        let entry = Judged::of_payload(self.payload.clone(), String::new())?.entry;
        let named = entry.refers_to.map(|name| (name, EntryKind::Earn));
        Some(((entry.event_id, entry.kind), named))
    }
}

/// What waits and may be booked with entries of these events, or never any more: entries of the same names, and answers to
/// those that earn; the earliest first.
pub(in crate::points) async fn waiting(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    events: &BTreeSet<EventKey>,
) -> Result<Vec<Waiting>, StoreError> {
    let select = "SELECT id, content, reason, payload FROM ( \
                    SELECT q.id, q.content, q.reason, q.payload, q.received_at \
                    FROM {rows} CROSS JOIN quarantined_entry q \
                    WHERE q.source_id = given.source_id AND q.state = 'WAITING' AND q.event_id = given.name \
                    UNION \
                    SELECT q.id, q.content, q.reason, q.payload, q.received_at \
                    FROM {rows} CROSS JOIN quarantined_entry q \
                    WHERE q.source_id = given.source_id AND q.state = 'WAITING' AND q.reason = 'UNKNOWN_REFERENCE' \
                      AND q.refers_to = given.name AND given.earns = 1) AS found \
                  ORDER BY received_at, id";
    let row = |(name, kind): &EventKey| {
        let earns = i32::from(*kind == EntryKind::Earn);
        json!({ "source_id": source.0, "name": name, "earns": earns })
    };
    let columns = [
        ("source_id", Kind::BigInt),
        ("name", Kind::Text),
        ("earns", Kind::BigInt),
    ];
    let rows = bulk::run(connection, select, &columns, events.iter().map(row).collect()).await?;
    rows.iter().map(|row| waiting_row(&mut Cells::new(row))).collect()
}

/// Of these contents those that were decided not to be booked, and for what they waited.
pub(in crate::points) async fn discarded<'a>(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    contents: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Reason>, StoreError> {
    let select = "SELECT q.content, q.reason FROM {rows} CROSS JOIN quarantined_entry q \
                  WHERE q.source_id = given.source_id AND q.content = given.name AND q.state = 'DISCARDED'";
    let rows = bulk::run(connection, select, &NAMED, named(source, contents)).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((
                cells.take()?,
                cells.named("quarantined_entry.reason", Reason::parse)?,
            ))
        })
        .collect()
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

/// What waits for a branch of that code, of one source or of all, in the order in which it came.
pub(in crate::points) async fn waiting_for_code(
    connection: &impl ConnectionTrait,
    code: &str,
    source_code: Option<&str>,
    limit: u64,
) -> Result<Vec<(Source, Waiting)>, StoreError> {
    let sql = "SELECT s.id, s.code, s.name, q.id, q.content, q.reason, q.payload \
               FROM quarantined_entry q JOIN point_source s ON s.id = q.source_id \
               WHERE q.state = 'WAITING' AND q.reason = 'UNKNOWN_BRANCH' AND q.branch_code = $1 \
                 AND s.code = coalesce($2, s.code) \
               ORDER BY q.id LIMIT $3";
    let values = [code.into(), source_code.into(), limit.cast_signed().into()];
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
    // Written alike (UTC, RFC 3339), instants stand in the order of time but within one second.
    let backend = connection.get_database_backend();
    let first = match backend {
        DbBackend::Postgres => "min((CAST(payload AS jsonb) ->> 'occurredAt') COLLATE \"C\")",
        _ => "min(payload ->> 'occurredAt')",
    };
    let sql = format!(
        "SELECT {first} AS first FROM quarantined_entry \
         WHERE source_id = $1 AND branch_code = $2 AND state = 'WAITING' AND reason = 'UNKNOWN_BRANCH'"
    );
    let statement = Statement::from_sql_and_values(backend, sql, [source.0.into(), code.into()]);
    let row = connection.query_one_raw(statement).await?;
    let first: Option<String> = match row {
        Some(row) => row.try_get("", "first")?,
        None => None,
    };
    first
        .map(|at| match at.parse() {
            Ok(at) => Ok(day_in_shanghai(at)),
            Err(_) => Err(StoreError::corrupt("quarantined_entry.payload", &at)),
        })
        .transpose()
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
///
/// # Errors
///
/// A conflict where one was decided about meanwhile.
pub(in crate::points) async fn replayed(
    write: &Write<'_>,
    rows: impl Iterator<Item = QuarantinedEntryId>,
) -> Result<(), StoreError> {
    let rows = rows.map(|id| json!({ "id": id.0 })).collect();
    let update = "UPDATE quarantined_entry SET state = 'REPLAYED' \
                  WHERE id IN (SELECT id FROM {rows}) AND state = 'WAITING' RETURNING id";
    each_waited(write, update, &[("id", Kind::BigInt)], rows).await
}

/// Rows of the quarantine that wait for something else than before.
///
/// # Errors
///
/// A conflict where one was decided about meanwhile.
pub(in crate::points) async fn wait_otherwise<'a>(
    write: &Write<'_>,
    rows: impl Iterator<Item = (QuarantinedEntryId, &'a Waits)>,
) -> Result<(), StoreError> {
    let columns = [
        ("id", Kind::BigInt),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
        ("retry_at", Kind::Instant),
    ];
    let rows = rows
        .map(|(id, waits)| {
            json!({
                "id": id.0,
                "reason": waits.reason.as_str(),
                "detail": waits.detail,
                "retry_at": waits.retry_at.map(instant),
            })
        })
        .collect();
    let update = "UPDATE quarantined_entry SET reason = given.reason, detail = given.detail, retry_at = given.retry_at \
                  FROM {rows} WHERE quarantined_entry.id = given.id AND state = 'WAITING' \
                  RETURNING quarantined_entry.id";
    each_waited(write, update, &columns, rows).await
}

/// Updates rows, each of which must still wait.
async fn each_waited(
    write: &Write<'_>,
    update: &str,
    columns: &[(&str, Kind)],
    rows: Vec<serde_json::Value>,
) -> Result<(), StoreError> {
    let count = rows.len();
    let updated = bulk::run(write.connection(), update, columns, rows).await?;
    if updated.len() == count {
        Ok(())
    } else {
        Err(StoreError::conflict("quarantined_entry: decided about meanwhile"))
    }
}
