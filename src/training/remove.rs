//! `removeTraining`: a record that should never have been made. The audit trail keeps what it said.

use super::{
    check,
    correct::{account, take},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::id::TrainingRecordId,
    live::change::Action,
    storage::write::{Failure, Write, check_version},
};

/// Which record.
#[derive(Clone, Debug)]
pub struct RemoveTraining {
    /// None where the caller's id names no record.
    pub id: Option<TrainingRecordId>,
    /// The version that was read.
    pub version: i32,
}

/// Removes a record with all that hangs on it.
pub async fn remove(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RemoveTraining,
) -> Result<TrainingRecordId, Failure> {
    let (record, branches) = take(write, grant, input.id).await?;
    check_version(input.version, record.version)?;
    store::record::remove(write, record.id).await?;
    write.audit(
        AuditRecord::new("removeTraining")
            .node(record.id)
            .before(account(&record, &branches)),
    );
    write.change(check::changed(
        Action::Removed,
        record.id,
        None,
        record.organizer_id,
        branches,
    ));
    Ok(record.id)
}
