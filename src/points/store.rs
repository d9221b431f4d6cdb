//! Rows of the ledger. What a batch writes goes in by one statement a table, however many entries it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{point_source, point_total};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DbBackend, DbErr, EntityTrait as _, QueryFilter as _, QueryResult,
    QuerySelect as _, Statement,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    entry::{Judged, Reason, Waits},
    model::{EntryKind, Line, Posting},
};
use crate::{
    kernel::{
        id::{BranchId, PointEntryId, PointEventId, PointSourceId, QuarantinedEntryId},
        period::Period,
        points::Points,
    },
    storage::{
        StoreError,
        bulk::{self, Kind, instant},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

/// Where points come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its key.
    pub id: PointSourceId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

impl FromRow for Source {
    type Entity = point_source::Entity;

    const COLUMNS: &'static [point_source::Column] = &[
        point_source::Column::Id,
        point_source::Column::Code,
        point_source::Column::Name,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            code: cells.take()?,
            name: cells.take()?,
        })
    }
}

/// A source by its code.
pub(super) async fn source_by_code(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<Source>, StoreError> {
    let selection = point_source::Entity::find().filter(point_source::Column::Code.eq(code));
    row::one(connection, selection).await
}

/// Makes a source; one of that code stays as it is.
pub async fn open_source(write: &Write<'_>, code: &str, name: &str) -> Result<Source, StoreError> {
    if let Some(source) = source_by_code(write.connection(), code).await? {
        return Ok(source);
    }
    let source = point_source::ActiveModel {
        id: NotSet,
        code: Set(code.to_owned()),
        name: Set(name.to_owned()),
    };
    let id = point_source::Entity::insert(source)
        .exec(write.connection())
        .await?
        .last_insert_id;
    Ok(Source {
        id,
        code: code.to_owned(),
        name: name.to_owned(),
    })
}

/// An event's row, locked: what it is called and its greatest booked revision, if one is.
pub(super) struct Event {
    /// Its key.
    pub id: PointEventId,
    /// Its name within its source.
    pub event_id: String,
    /// What it does.
    pub kind: EntryKind,
    /// The greatest revision; none where it was only named.
    pub greatest: Option<Line>,
}

const EVENT_COLUMNS: &str =
    "e.id, e.event_id, e.kind, e.revision, e.branch_id, e.points, e.occurred_at, e.refers_to";

fn event(row: &QueryResult) -> Result<Event, StoreError> {
    let mut cells = Cells::new(row);
    let id = cells.take()?;
    let event_id: String = cells.take()?;
    let kind = cells.named("point_event.kind", EntryKind::parse)?;
    let revision: Option<i32> = cells.optional()?;
    let greatest = match revision {
        None => None,
        Some(revision) => Some(Line {
            event_id: event_id.clone(),
            revision,
            kind,
            branch: cells.take()?,
            points: Points::from_hundredths(cells.take()?),
            occurred_at: cells.take()?,
            refers_to: cells.optional()?,
        }),
    };
    Ok(Event {
        id,
        event_id,
        kind,
        greatest,
    })
}

fn texts<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let distinct: BTreeSet<&str> = values.into_iter().collect();
    distinct.into_iter().map(|value| json!({ name: value })).collect()
}

/// Locks the rows of events, in the order of their keys, so that pushes that meet neither wait for each other nor miss
/// each other's reversals; makes those that are not there.
pub(super) async fn lock_events(
    write: &Write<'_>,
    source: PointSourceId,
    keys: &BTreeSet<(String, EntryKind)>,
) -> Result<Vec<Event>, StoreError> {
    let connection = write.connection();
    let columns = [("event_id", Kind::Text), ("kind", Kind::Text)];
    let rows: Vec<Value> = keys
        .iter()
        .map(|(event_id, kind)| json!({ "event_id": event_id, "kind": kind.as_str() }))
        .collect();
    let insert = format!(
        "INSERT INTO point_event (source_id, event_id, kind) SELECT {}, given.event_id, given.kind FROM {{rows}} \
         WHERE true ON CONFLICT (source_id, event_id, kind) DO NOTHING",
        source.0
    );
    bulk::run(connection, &insert, &columns, rows.clone()).await?;
    let lock = match connection.get_database_backend() {
        DbBackend::Postgres => "FOR NO KEY UPDATE OF e",
        _ => "",
    };
    let select = format!(
        "SELECT {EVENT_COLUMNS} FROM {{rows}} JOIN point_event e \
         ON e.source_id = {} AND e.event_id = given.event_id AND e.kind = given.kind \
         ORDER BY e.event_id, e.kind {lock}",
        source.0
    );
    let found = bulk::run(connection, &select, &columns, rows).await?;
    found.iter().map(event).collect()
}

/// The reversals and corrections whose greatest revision names one of these EARN events.
pub(super) async fn answers_to(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: impl IntoIterator<Item = &str>,
) -> Result<Vec<Line>, StoreError> {
    let select = format!(
        "SELECT {EVENT_COLUMNS} FROM {{rows}} JOIN point_event e \
         ON e.source_id = {} AND e.refers_to = given.name",
        source.0
    );
    let rows = bulk::run(connection, &select, &[("name", Kind::Text)], texts("name", names)).await?;
    let events: Vec<Event> = rows.iter().map(event).collect::<Result<_, _>>()?;
    Ok(events.into_iter().filter_map(|event| event.greatest).collect())
}

/// The contents that are booked under the keys of these events.
pub(super) async fn booked(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: impl IntoIterator<Item = &str>,
) -> Result<HashMap<(String, i32), String>, StoreError> {
    let select = format!(
        "SELECT e.event_id, e.revision, e.content FROM {{rows}} JOIN point_entry e \
         ON e.source_id = {} AND e.event_id = given.name",
        source.0
    );
    let rows = bulk::run(connection, &select, &[("name", Kind::Text)], texts("name", names)).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok(((cells.take()?, cells.take()?), cells.take()?))
        })
        .collect()
}

/// A row that waits in quarantine.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
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
pub(super) async fn waiting(
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
pub(super) async fn maybe_due(
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

/// An entry to be booked.
pub(super) struct NewEntry<'a> {
    /// What was delivered.
    pub judged: &'a Judged,
    /// Whose points they are; of an answer, those of the event that it answers.
    pub branch: BranchId,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// What it changes in totals.
    pub postings: Vec<Posting>,
}

/// Writes entries with their postings.
pub(super) async fn insert_entries(
    write: &Write<'_>,
    source: PointSourceId,
    entries: &[NewEntry<'_>],
) -> Result<(), StoreError> {
    let columns = [
        ("event_id", Kind::Text),
        ("revision", Kind::BigInt),
        ("kind", Kind::Text),
        ("branch_id", Kind::BigInt),
        ("branch_code", Kind::Text),
        ("activity", Kind::Text),
        ("points", Kind::BigInt),
        ("occurred_at", Kind::Instant),
        ("received_at", Kind::Instant),
        ("refers_to", Kind::Text),
        ("note", Kind::Text),
        ("content", Kind::Text),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let insert = format!(
        "INSERT INTO point_entry (source_id, {names}) SELECT {}, {names} FROM {{rows}} WHERE true \
         ON CONFLICT (source_id, event_id, revision) DO NOTHING RETURNING id, event_id, revision",
        source.0
    );
    let rows = entries
        .iter()
        .map(|new| {
            let entry = &new.judged.entry;
            json!({
                "event_id": entry.event_id,
                "revision": entry.revision,
                "kind": entry.kind.as_str(),
                "branch_id": new.branch.0,
                "branch_code": entry.branch_code,
                "activity": entry.activity.as_str(),
                "points": entry.points.hundredths(),
                "occurred_at": instant(entry.occurred_at),
                "received_at": instant(new.received_at),
                "refers_to": entry.refers_to,
                "note": entry.note,
                "content": new.judged.content,
            })
        })
        .collect();
    let mut ids: HashMap<(String, i32), PointEntryId> = HashMap::with_capacity(entries.len());
    for row in bulk::run(write.connection(), &insert, &columns, rows).await? {
        let mut cells = Cells::new(&row);
        let id = cells.take()?;
        ids.insert((cells.take()?, cells.take()?), id);
    }
    let mut postings = Vec::new();
    for new in entries {
        let entry = &new.judged.entry;
        // Of another kind under the same key, booked by somebody else a moment ago: two kinds of one name are two events,
        // and lock two rows. Run again, that one is found.
        let taken = || StoreError::Conflict(DbErr::Custom("point_entry: the key is taken".to_owned()));
        let id = ids
            .get(&(entry.event_id.clone(), entry.revision))
            .ok_or_else(taken)?;
        postings.extend(new.postings.iter().map(|posting| {
            json!({
                "entry_id": id.0,
                "branch_id": posting.branch.0,
                "counted_at": instant(posting.counted_at),
                "amount": posting.amount.hundredths(),
            })
        }));
    }
    let columns = [
        ("entry_id", Kind::BigInt),
        ("branch_id", Kind::BigInt),
        ("counted_at", Kind::Instant),
        ("amount", Kind::BigInt),
    ];
    let insert = "INSERT INTO posting (entry_id, branch_id, counted_at, amount) \
                  SELECT entry_id, branch_id, counted_at, amount FROM {rows} WHERE true";
    bulk::run(write.connection(), insert, &columns, postings).await?;
    Ok(())
}

/// Writes the greatest revisions of events that were locked.
pub(super) async fn save_events(
    write: &Write<'_>,
    events: impl IntoIterator<Item = (PointEventId, Line)>,
) -> Result<(), StoreError> {
    let columns = [
        ("id", Kind::BigInt),
        ("revision", Kind::BigInt),
        ("branch_id", Kind::BigInt),
        ("points", Kind::BigInt),
        ("occurred_at", Kind::Instant),
        ("refers_to", Kind::Text),
    ];
    let rows = events
        .into_iter()
        .map(|(id, line)| {
            json!({
                "id": id.0,
                "revision": line.revision,
                "branch_id": line.branch.0,
                "points": line.points.hundredths(),
                "occurred_at": instant(line.occurred_at),
                "refers_to": line.refers_to,
            })
        })
        .collect();
    let update = "UPDATE point_event SET revision = given.revision, branch_id = given.branch_id, \
                  points = given.points, occurred_at = given.occurred_at, refers_to = given.refers_to \
                  FROM {rows} WHERE point_event.id = given.id";
    bulk::run(write.connection(), update, &columns, rows).await?;
    Ok(())
}

/// What is added to totals: amount and events of a branch in a period.
pub(super) type Moves = BTreeMap<(BranchId, Period), (Points, i64)>;

/// Adds to totals, in the order of branch and period.
pub(super) async fn add_totals(write: &Write<'_>, moves: &Moves) -> Result<(), StoreError> {
    let columns = [
        ("branch_id", Kind::BigInt),
        ("period", Kind::BigInt),
        ("total", Kind::BigInt),
        ("event_count", Kind::BigInt),
    ];
    let rows = moves
        .iter()
        .map(|((branch, period), (amount, events))| {
            json!({
                "branch_id": branch.0,
                "period": period.number(),
                "total": amount.hundredths(),
                "event_count": events,
            })
        })
        .collect();
    let upsert = "INSERT INTO point_total (branch_id, period, total, event_count) \
                  SELECT branch_id, period, total, event_count FROM {rows} WHERE true \
                  ON CONFLICT (branch_id, period) DO UPDATE SET total = point_total.total + excluded.total, \
                  event_count = point_total.event_count + excluded.event_count";
    bulk::run(write.connection(), upsert, &columns, rows).await?;
    Ok(())
}

/// Adds the totals of a branch to those of another; whether there were any.
pub(super) async fn merge_totals(
    write: &Write<'_>,
    from: BranchId,
    into: BranchId,
) -> Result<bool, StoreError> {
    let connection = write.connection();
    let totals = totals(connection, from).await?;
    let moves: Moves = totals
        .into_iter()
        .map(|(period, total)| ((into, period), total))
        .collect();
    add_totals(write, &moves).await?;
    Ok(!moves.is_empty())
}

/// Points of a branch and how many events count, by period.
pub async fn totals(
    connection: &impl ConnectionTrait,
    branch: BranchId,
) -> Result<BTreeMap<Period, (Points, i64)>, StoreError> {
    let rows: Vec<(i32, i64, i64)> = point_total::Entity::find()
        .select_only()
        .columns([
            point_total::Column::Period,
            point_total::Column::Total,
            point_total::Column::EventCount,
        ])
        .filter(point_total::Column::BranchId.eq(branch))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(number, total, events)| {
            let period = Period::from_number(number)
                .ok_or_else(|| StoreError::corrupt("point_total.period", &number.to_string()))?;
            Ok((period, (Points::from_hundredths(total), events)))
        })
        .collect()
}

/// Keeps entries that cannot be booked; one that waits already is not kept twice.
pub(super) async fn quarantine(
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
pub(super) async fn replayed(write: &Write<'_>, rows: &[QuarantinedEntryId]) -> Result<(), StoreError> {
    let rows = rows.iter().map(|id| json!({ "id": id.0 })).collect();
    let update = "UPDATE quarantined_entry SET state = 'REPLAYED' WHERE id IN (SELECT id FROM {rows})";
    bulk::run(write.connection(), update, &[("id", Kind::BigInt)], rows).await?;
    Ok(())
}

/// Rows of the quarantine whose key has been booked with another content: they can only be discarded now.
pub(super) async fn conflict(write: &Write<'_>, rows: &[QuarantinedEntryId]) -> Result<(), StoreError> {
    let rows = rows.iter().map(|id| json!({ "id": id.0 })).collect();
    let update = "UPDATE quarantined_entry SET reason = 'CONFLICTING_REPEAT', retry_at = NULL \
                  WHERE id IN (SELECT id FROM {rows})";
    bulk::run(write.connection(), update, &[("id", Kind::BigInt)], rows).await?;
    Ok(())
}

/// The totals that the postings of the ledger give: every branch's own, and those of all merged into it; for
/// `zhibu verify`. How many differ from those that are kept.
pub async fn verify_totals(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let month = match connection.get_database_backend() {
        DbBackend::Postgres => {
            "CAST(to_char(p.counted_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMM') AS integer)"
        }
        _ => "CAST(strftime('%Y%m', p.counted_at, '+8 hours') AS integer)",
    };
    let sql = format!(
        "WITH RECURSIVE counts (branch_id, counts_for) AS ( \
           SELECT id, id FROM branch \
           UNION SELECT c.branch_id, b.successor_id FROM counts c JOIN branch b ON b.id = c.counts_for \
           WHERE b.successor_id IS NOT NULL), \
         posted AS (SELECT c.counts_for AS branch_id, {month} AS month, p.amount \
           FROM posting p JOIN counts c ON c.branch_id = p.branch_id), \
         sums AS (SELECT branch_id, month AS period, sum(amount) AS total FROM posted GROUP BY branch_id, month \
           UNION ALL \
           SELECT branch_id, month / 100 * 100, sum(amount) FROM posted GROUP BY branch_id, month / 100 * 100) \
         SELECT count(*) AS differences FROM \
           (SELECT branch_id, period, total FROM sums WHERE total <> 0) s \
           FULL OUTER JOIN (SELECT branch_id, period, total FROM point_total WHERE total <> 0) t \
             ON t.branch_id = s.branch_id AND t.period = s.period \
         WHERE s.total IS NULL OR t.total IS NULL OR s.total <> t.total"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
