//! `adjustPoints`: the district's own entry, which rests on a document.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    LOCAL, TOTALS,
    entry::{AHEAD, Delivered},
    model::{Activity, EntryKind, LedgerError},
    push::{Batch, Item, Push},
    sources::LOCAL_NAME,
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch,
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, PointEntryId},
        message::Message,
        points::Points,
        refusal::Refusal,
        text,
    },
    storage::{
        StoreError,
        write::{Failure, Refusals, Write},
    },
};

/// An adjustment that was decided.
#[derive(Clone, Debug)]
pub struct AdjustPoints {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// How many more, or fewer.
    pub points: Points,
    /// When they count; now or earlier.
    pub occurred_at: DateTime<Utc>,
    /// The decision it rests on.
    pub document_number: String,
    /// Why.
    pub note: String,
}

/// Books an adjustment under the built-in source (docs/domain.md, 14).
pub async fn adjust(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AdjustPoints,
) -> Result<PointEntryId, Failure> {
    let no_branch = || Refusal::not_found(&["branchId"], Message::new("党支部", "branch"));
    let id = input.branch.ok_or_else(no_branch)?;
    let connection = write.connection();
    let branch = branch::by_id(connection, grant.scope(), id)
        .await?
        .ok_or_else(no_branch)?;
    grant.require_branch(connection, id).await?;

    let now = write.clock().business();
    let mut refusals = Refusals::default();
    refusals.require(!input.points.is_zero(), || LedgerError::NoPoints.into());
    refusals.require(input.occurred_at <= now + AHEAD, || {
        LedgerError::InTheFuture(day_in_shanghai(now)).into()
    });
    refusals.require(day_in_shanghai(input.occurred_at) >= branch.founded_on, || {
        LedgerError::BeforeFounding("occurredAt", branch.founded_on).into()
    });
    let document_number = refusals.take(
        text::line(&input.document_number, text::NAME_LIMIT).map_err(|e| e.refusal(&["documentNumber"])),
    );
    let note = refusals.take(text::prose(&input.note, text::PROSE_LIMIT).map_err(|e| e.refusal(&["note"])));
    refusals.finish()?;

    // Numbered one after the other.
    write.lock(TOTALS, LOCAL).await?;
    let source = store::open_source(write, LOCAL, LOCAL_NAME).await?;
    let number = store::entries_of(connection, source.id).await? + 1;
    let entry = Delivered {
        event_id: format!("ADJ-{number:06}"),
        revision: 1,
        branch_code: branch.code.clone(),
        kind: EntryKind::Adjustment,
        activity: Activity::Other,
        points: input.points,
        occurred_at: input.occurred_at,
        refers_to: None,
        note,
    };
    let judged = Arc::new(entry.judge_adjustment(&document_number.unwrap_or_default(), now));
    let push = Push {
        source: source.id,
        source_code: source.code,
        entries: Vec::new(),
    };
    let mut batch = Batch::open(write, &push, &[Item::Judged(judged.clone())]).await?;
    let unbookable = || StoreError::Corrupt("an adjustment that cannot be booked".to_owned());
    batch.book(&judged, id).map_err(|_| unbookable())?;
    batch.write(write).await?;
    let entry = store::entry_id(connection, source.id, &judged.entry.event_id, 1)
        .await?
        .ok_or_else(unbookable)?;
    write.audit(AuditRecord::new("adjustPoints").node(entry).after(json!({
        "branchId": id, "points": input.points.to_string(), "occurredAt": input.occurred_at,
        "documentNumber": judged.document_number, "note": judged.entry.note,
    })));
    Ok(entry)
}
