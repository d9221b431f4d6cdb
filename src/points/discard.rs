//! `discardQuarantine`: an entry that waits is not to be booked.

use serde_json::json;

use super::{model::LedgerError, resolve::waiting, source_changed, store};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::QuarantinedEntryId, refusal::Refusal, text},
    storage::write::{Failure, Write},
};

/// A decision that an entry is not to be booked.
#[derive(Clone, Debug)]
pub struct DiscardQuarantine {
    /// None where the caller's id names none.
    pub id: Option<QuarantinedEntryId>,
    /// Why.
    pub reason: String,
}

/// Discards an entry that waits. It stays, whole; delivered again it is not kept again.
pub async fn discard(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &DiscardQuarantine,
) -> Result<QuarantinedEntryId, Failure> {
    let (source, row) = waiting(write, grant, input.id, "DISCARDED").await?;
    let source_id = source.id;
    let reason = text::prose(&input.reason, text::PROSE_LIMIT).map_err(|e| e.refusal(&["reason"]))?;
    if !store::discard(write, row.id).await? {
        // Booked or discarded a moment ago.
        let (_, row) = store::quarantined(write, row.id).await?.unwrap_or((source, row));
        let (state, to) = (row.state.as_str(), "DISCARDED");
        return Err(Refusal::from(LedgerError::Decided { state, to }).into());
    }
    write.change(source_changed(source_id));
    write.audit(
        AuditRecord::new("discardQuarantine")
            .node(row.id)
            .before(json!({ "state": "WAITING", "reason": row.reason.as_str() }))
            .after(json!({ "state": "DISCARDED", "reason": reason })),
    );
    Ok(row.id)
}
