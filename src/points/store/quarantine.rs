//! What could not be booked, kept whole until it can be or somebody decides.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use super::{Source, texts};
use crate::{
    kernel::id::{PointSourceId, QuarantinedEntryId},
    points::entry::{Judged, Reason, Waits},
    storage::{
        StoreError,
        bulk::{self, Kind, instant},
        row::{Cells, FromRow as _},
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

/// What waits and may be concerned by these entries: of their events, or naming them; the earliest first.
pub(in crate::points) async fn waiting(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: &BTreeSet<&str>,
) -> Result<Vec<Waiting>, StoreError> {
    let select = format!(
        "SELECT q.id, q.content, q.reason, q.payload FROM quarantined_entry q \
         WHERE q.source_id = {} AND q.state = 'WAITING' AND (q.event_id IN (SELECT name FROM {{rows}}) \
         OR (q.reason = 'UNKNOWN_REFERENCE' AND q.refers_to IN (SELECT name FROM {{rows}}))) \
         ORDER BY q.received_at, q.id",
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
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((Source::from_row(&mut cells)?, waiting_row(&mut cells)?))
        })
        .collect()
}

fn waiting_row(cells: &mut Cells<'_>) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        id: cells.take()?,
        content: cells.take()?,
        reason: cells.named("quarantined_entry.reason", Reason::parse)?,
        payload: cells.take()?,
    })
}

/// Keeps entries that cannot be booked; one that waits already is not kept twice.
pub(in crate::points) async fn quarantine(
    write: &Write<'_>,
    source: PointSourceId,
    received_at: DateTime<Utc>,
    entries: &[(&Judged, Waits)],
) -> Result<(), StoreError> {
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
        .map(|(judged, waits)| {
            let entry = &judged.entry;
            // The fields of an invalid entry hold what no column takes; it is whole in its payload.
            let keyed = waits.reason != Reason::InvalidField;
            json!({
                "event_id": keyed.then_some(&entry.event_id),
                "revision": keyed.then_some(entry.revision),
                "content": judged.content,
                "reason": waits.reason.as_str(),
                "detail": waits.detail,
                "payload": judged.payload,
                "branch_code": keyed.then_some(&entry.branch_code),
                "refers_to": entry.refers_to.as_ref().filter(|_| keyed),
                "retry_at": waits.retry_at.map(instant),
                "received_at": instant(received_at),
            })
        })
        .collect();
    let insert = format!(
        "INSERT INTO quarantined_entry (source_id, state, {names}) \
         SELECT {}, 'WAITING', {names} FROM {{rows}} WHERE true \
         ON CONFLICT (source_id, content) WHERE state = 'WAITING' DO NOTHING",
        source.0
    );
    bulk::run(write.connection(), &insert, &columns, rows).await?;
    Ok(())
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
