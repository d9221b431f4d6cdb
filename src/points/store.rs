//! Rows of the ledger. What a batch writes goes in by one statement a table, however many entries it has.

mod entries;
mod held;
mod leaderboard;
mod quarantine;
mod quarantine_list;
mod scores;
mod totals;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{point_entry, point_source};
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QueryResult,
    QuerySelect as _,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use entries::{
    EntryFilter, check_entry_page, count_entries_listed, entries_by_ids, entries_of_branches,
    entry_counts_of_branches, list_entries, postings, sums_of_source,
};
pub use held::activities_held;
pub use leaderboard::{Among, scored_statement};
pub(super) use leaderboard::{leaderboard, participants_below};
pub(super) use quarantine::{
    Kept, Waiting, discard, discarded, first_waiting_day, maybe_due, quarantine, quarantined, replayed,
    wait_otherwise, waiting, waiting_for_code,
};
pub use quarantine_list::waiting_for_decision;
pub(super) use quarantine_list::{
    check_quarantine_page, count_quarantine, known_codes, list_quarantine, quarantined_by_ids, waiting_counts,
};
pub use scores::{
    RankAmong, merge_counts, participants_by_domain, ranks_in_domain, ranks_statement, verify_scores,
};
pub(super) use scores::{count_entries, entry_counts, participants, place, ranks, recount};
pub(super) use totals::{Moves, add_totals, merge_totals};
pub use totals::{standings, totals, verify_totals};

use super::{
    entry::Judged,
    model::{EntryKind, Line, Posting},
};
use crate::{
    auth::Scope,
    kernel::{
        id::{BranchId, PointEntryId, PointSourceId},
        points::Points,
        text,
    },
    storage::{
        StoreError,
        bulk::{self, Kind, instant},
        keyset,
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

/// Sources that the caller may see, by code; those of these keys, or all.
pub(super) async fn sources(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: Option<&[PointSourceId]>,
) -> Result<Vec<Source>, StoreError> {
    let mut selection = point_source::Entity::find()
        .filter(scope.sources(Expr::col(point_source::Column::Id)))
        .order_by_asc(point_source::Column::Code);
    if let Some(ids) = ids {
        selection = selection.filter(row::among(connection, point_source::Column::Id, ids));
    }
    row::all(connection, selection).await
}

/// A source by its code.
pub async fn source_by_code(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<Source>, StoreError> {
    let selection = point_source::Entity::find().filter(point_source::Column::Code.eq(code));
    row::one(connection, selection).await
}

/// A source by its code as a caller wrote it.
pub async fn source_of_code(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<Source>, StoreError> {
    match text::code(code) {
        Ok(code) => source_by_code(connection, &code).await,
        Err(_) => Ok(None),
    }
}

/// The key of an entry that is booked.
pub(super) async fn entry_id(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    event_id: &str,
    revision: i32,
) -> Result<Option<PointEntryId>, StoreError> {
    Ok(point_entry::Entity::find()
        .select_only()
        .column(point_entry::Column::Id)
        .filter(point_entry::Column::SourceId.eq(source))
        .filter(point_entry::Column::EventId.eq(event_id))
        .filter(point_entry::Column::Revision.eq(revision))
        .into_tuple()
        .one(connection)
        .await?)
}

/// How many entries a source has, counted one by one: for sources that have few.
pub(super) async fn entries_of(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
) -> Result<u64, StoreError> {
    keyset::count(
        connection,
        point_entry::Entity::find().filter(point_entry::Column::SourceId.eq(source)),
    )
    .await
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

/// Gives a source another name.
pub(super) async fn rename_source(
    write: &Write<'_>,
    id: PointSourceId,
    name: &str,
) -> Result<(), StoreError> {
    let source = point_source::ActiveModel {
        id: Unchanged(id),
        name: Set(name.to_owned()),
        ..Default::default()
    };
    point_source::Entity::update(source)
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Where these are looked up for given rows it is by CROSS JOIN: SQLite then begins with the rows. Left to itself it
/// reads all of a source's events, each against every row.
const EVENT_COLUMNS: &str =
    "e.event_id, e.kind, e.revision, e.branch_id, e.points, e.occurred_at, e.refers_to";

/// The greatest booked revision of an event; none of one that was only named.
fn greatest(row: &QueryResult) -> Result<Option<Line>, StoreError> {
    let mut cells = Cells::new(row);
    let event_id: String = cells.take()?;
    let kind = cells.named("point_event.kind", EntryKind::parse)?;
    let Some(revision) = cells.optional()? else {
        return Ok(None);
    };
    Ok(Some(Line {
        event_id,
        revision,
        kind,
        branch: cells.take()?,
        points: Points::from_hundredths(cells.take()?),
        occurred_at: cells.take()?,
        refers_to: cells.optional()?,
    }))
}

fn lines(rows: &[QueryResult]) -> Result<Vec<Line>, StoreError> {
    rows.iter().filter_map(|row| greatest(row).transpose()).collect()
}

/// Columns of rows that name something of a source. The source is among them, not in the statement's text: where nothing is
/// known of a table yet, a constant source is planned to be read whole, row by row, for each that is given.
const NAMED: [(&str, Kind); 2] = [("source_id", Kind::BigInt), ("name", Kind::Text)];

fn named<'a>(source: PointSourceId, names: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let distinct: BTreeSet<&str> = names.into_iter().collect();
    let rows = distinct.into_iter();
    rows.map(|name| json!({ "source_id": source.0, "name": name }))
        .collect()
}

/// The greatest revisions that are booked of events.
pub(super) async fn events(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    keys: &BTreeSet<(String, EntryKind)>,
) -> Result<Vec<Line>, StoreError> {
    let select = select_events();
    lines(&bulk::run(connection, &select, &KEY_COLUMNS, key_rows(source, keys)).await?)
}

fn select_events() -> String {
    format!(
        "SELECT {EVENT_COLUMNS} FROM {{rows}} CROSS JOIN point_event e \
         WHERE e.source_id = given.source_id AND e.event_id = given.event_id AND e.kind = given.kind"
    )
}

/// Locks the rows of events and gives the greatest revisions that are booked of them. In the order of their keys, so that
/// pushes that meet neither wait for each other nor miss each other's reversals; what is not there is made. SQLite has one
/// writer and nothing to lock: there an event's row is made when there is something to stand in it.
pub(super) async fn lock_events(
    write: &Write<'_>,
    source: PointSourceId,
    keys: &BTreeSet<(String, EntryKind)>,
) -> Result<Vec<Line>, StoreError> {
    let connection = write.connection();
    if write.is_alone() {
        return events(connection, source, keys).await;
    }
    let insert = "INSERT INTO point_event (source_id, event_id, kind) \
                  SELECT source_id, event_id, kind FROM {rows} WHERE true \
                  ON CONFLICT (source_id, event_id, kind) DO NOTHING";
    let rows = key_rows(source, keys);
    bulk::run(connection, insert, &KEY_COLUMNS, rows.clone()).await?;
    let order = "ORDER BY e.event_id, e.kind FOR NO KEY UPDATE OF e";
    let select = format!("{} {order}", select_events());
    lines(&bulk::run(connection, &select, &KEY_COLUMNS, rows).await?)
}

const KEY_COLUMNS: [(&str, Kind); 3] = [
    ("source_id", Kind::BigInt),
    ("event_id", Kind::Text),
    ("kind", Kind::Text),
];

fn key_rows(source: PointSourceId, keys: &BTreeSet<(String, EntryKind)>) -> Vec<Value> {
    let keys = keys.iter();
    keys.map(|(event_id, kind)| json!({ "source_id": source.0, "event_id": event_id, "kind": kind.as_str() }))
        .collect()
}

/// The reversals and corrections whose greatest revision names one of these EARN events.
pub(super) async fn answers_to(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: impl IntoIterator<Item = &str>,
) -> Result<Vec<Line>, StoreError> {
    let select = format!(
        "SELECT {EVENT_COLUMNS} FROM {{rows}} CROSS JOIN point_event e \
         WHERE e.source_id = given.source_id AND e.refers_to = given.name"
    );
    let rows = bulk::run(connection, &select, &NAMED, named(source, names)).await?;
    lines(&rows)
}

/// The contents that are booked under the keys of these events.
pub(super) async fn booked(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    names: impl IntoIterator<Item = &str>,
) -> Result<HashMap<(String, i32), String>, StoreError> {
    let select = "SELECT e.event_id, e.revision, e.content FROM {rows} CROSS JOIN point_entry e \
                  WHERE e.source_id = given.source_id AND e.event_id = given.name";
    let rows = bulk::run(connection, select, &NAMED, named(source, names)).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok(((cells.take()?, cells.take()?), cells.take()?))
        })
        .collect()
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
        ("document_number", Kind::Text),
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
                "document_number": new.judged.document_number,
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
        let taken = || StoreError::conflict("point_entry: the key is taken");
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

/// Writes the greatest revisions of events.
pub(super) async fn save_events(
    write: &Write<'_>,
    source: PointSourceId,
    events: impl IntoIterator<Item = &Line>,
) -> Result<(), StoreError> {
    let columns = [
        ("event_id", Kind::Text),
        ("kind", Kind::Text),
        ("source_id", Kind::BigInt),
        ("revision", Kind::BigInt),
        ("branch_id", Kind::BigInt),
        ("points", Kind::BigInt),
        ("occurred_at", Kind::Instant),
        ("refers_to", Kind::Text),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let rows = events
        .into_iter()
        .map(|line| {
            json!({
                "event_id": line.event_id,
                "kind": line.kind.as_str(),
                "source_id": source.0,
                "revision": line.revision,
                "branch_id": line.branch.0,
                "points": line.points.hundredths(),
                "occurred_at": instant(line.occurred_at),
                "refers_to": line.refers_to,
            })
        })
        .collect();
    if !write.is_alone() {
        // The rows are there: they were locked.
        let update = "UPDATE point_event e SET revision = given.revision, branch_id = given.branch_id, \
                      points = given.points, occurred_at = given.occurred_at, refers_to = given.refers_to FROM {rows} \
                      WHERE e.source_id = given.source_id AND e.event_id = given.event_id AND e.kind = given.kind";
        bulk::run(write.connection(), update, &columns, rows).await?;
        return Ok(());
    }
    let upsert = format!(
        "INSERT INTO point_event ({names}) SELECT {names} FROM {{rows}} WHERE true \
         ON CONFLICT (source_id, event_id, kind) DO UPDATE SET revision = excluded.revision, \
         branch_id = excluded.branch_id, points = excluded.points, occurred_at = excluded.occurred_at, \
         refers_to = excluded.refers_to"
    );
    bulk::run(write.connection(), &upsert, &columns, rows).await?;
    Ok(())
}
