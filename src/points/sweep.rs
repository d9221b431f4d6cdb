//! What has waited long enough: entries whose code a branch has now, and entries whose time has come.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{
    entry::{AHEAD, Judged, Reason},
    push::{Push, holder_on},
    store::{self, Waiting},
};
use crate::{
    branch,
    kernel::id::{PointSourceId, QuarantinedEntryId},
    storage::StoreError,
};

/// Rows looked at for one answer.
const PAGE: u64 = 1000;

/// Entries to be delivered once more.
pub struct Due {
    /// They, by source.
    pub pushes: Vec<Push>,
    /// Where to look on; none where there is nothing more.
    pub after: Option<QuarantinedEntryId>,
}

/// Entries behind `after` that wait and would be booked at this business time, were they delivered now: a repeat of one that
/// waits is the same entry. What waits for a reference is booked with the event it names.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: DateTime<Utc>,
    after: Option<QuarantinedEntryId>,
) -> Result<Due, StoreError> {
    let rows = store::maybe_due(connection, now + AHEAD, after, PAGE).await?;
    let last = rows.last().map(|(_, row)| row.id);
    let after = last.filter(|_| rows.len() as u64 == PAGE);
    let pushes = bookable(connection, rows).await?;
    Ok(Due { pushes, after })
}

/// Entries that wait for a branch of this code, of one source or of all, and would be booked now.
pub(super) async fn due_for_code(
    connection: &impl ConnectionTrait,
    code: &str,
    source_code: Option<&str>,
) -> Result<Vec<Push>, StoreError> {
    let rows = store::waiting_for_code(connection, code, source_code, PAGE).await?;
    bookable(connection, rows).await
}

/// Of what waits for a code or a time, what would be booked, by source.
async fn bookable(
    connection: &impl ConnectionTrait,
    rows: Vec<(store::Source, Waiting)>,
) -> Result<Vec<Push>, StoreError> {
    let mut by_source: BTreeMap<PointSourceId, (String, Vec<Waiting>)> = BTreeMap::new();
    for (source, row) in rows {
        let waiting = by_source.entry(source.id).or_insert((source.code, Vec::new()));
        waiting.1.push(row);
    }
    let mut pushes = Vec::new();
    for (source, (source_code, waiting)) in by_source {
        let read = |row: Waiting| Some((row.reason, Judged::of_payload(row.payload, row.content)?.entry));
        let waiting: Vec<_> = waiting.into_iter().filter_map(read).collect();
        let codes: BTreeSet<&str> = waiting
            .iter()
            .map(|(_, entry)| entry.branch_code.as_str())
            .collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let holders = branch::code_holders(connection, &source_code, &codes).await?;
        let bookable = |(reason, entry): &(Reason, _)| {
            *reason == Reason::FutureDated || holder_on(&holders, entry).is_some()
        };
        let entries: Vec<_> = waiting
            .into_iter()
            .filter(bookable)
            .map(|(_, entry)| entry.into())
            .collect();
        if !entries.is_empty() {
            pushes.push(Push {
                source,
                source_code,
                entries,
            });
        }
    }
    Ok(pushes)
}
