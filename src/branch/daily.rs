//! What the date alone changes: terms become due and overdue without anybody writing anything.

use chrono::NaiveDate;
use serde_json::json;

use super::store;
use crate::{
    audit::AuditRecord,
    live::change::{Action, Change, Topic},
    storage::{StoreError, write::Write},
};

/// Reports every branch whose term state on `to` is not that of `from`, so that readers and subscribers look again;
/// gives how many. No row changes, so no version grows. The days say it all: run again for the same ones it
/// reports the same branches, and the caller keeps the last day under its lease.
pub async fn move_terms(write: &mut Write<'_>, from: NaiveDate, to: NaiveDate) -> Result<usize, StoreError> {
    let due_soon_months = write.rules().due_soon_months;
    let moved = store::whose_term_state_moved(write.connection(), from, to, due_soon_months).await?;
    let branches = moved.len();
    for (id, version) in moved {
        write.change(
            Change::new(Topic::Branch, Action::Updated, id)
                .version(version)
                .branches([id]),
        );
    }
    write.audit(AuditRecord::new("moveTerms").after(json!({ "from": from, "to": to, "branches": branches })));
    Ok(branches)
}
