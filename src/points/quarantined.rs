//! An entry in quarantine, as it is read.

use chrono::{DateTime, Utc};

use super::entry::Reason;
use crate::kernel::{
    id::{PointSourceId, QuarantinedEntryId},
    names::stored_names,
};

stored_names! {
    /// What has become of an entry in quarantine.
    QuarantineState {
        /// 待处理
        Waiting => "WAITING",
        /// 已入账
        Replayed => "REPLAYED",
        /// 已丢弃
        Discarded => "DISCARDED",
    }
}

/// An entry that could not be booked when it came, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its key.
    pub id: QuarantinedEntryId,
    /// Whose it is.
    pub source_id: PointSourceId,
    /// For what it waits, or waited.
    pub reason: Reason,
    /// In words.
    pub detail: String,
    /// The entry as JSON, or the row that is none.
    pub payload: String,
    /// A digest of it.
    pub content: String,
    /// The code of its branch; none where it cannot be read.
    pub branch_code: Option<String>,
    /// When it came, by the machine's clock.
    pub received_at: DateTime<Utc>,
    /// What has become of it.
    pub state: QuarantineState,
}
