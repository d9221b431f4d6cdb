//! The hash chain over audit entries.

use entity::audit_entry;
use sha2::{Digest as _, Sha256};

/// A link: SHA-256 over the link before and the entry.
pub type Link = [u8; 32];

/// What the first entry is chained to.
pub const GENESIS: Link = [0; 32];

/// The link of an entry. Every field goes in with its length, so that no two entries read the same.
pub fn link(previous: &[u8], entry: &audit_entry::Model) -> Link {
    let mut hash = Sha256::new();
    hash.update(previous);
    let id = i64::from(entry.id).to_string();
    let at = entry.at.timestamp_micros().to_string();
    let fields = [
        Some(id.as_str()),
        Some(at.as_str()),
        Some(entry.subject.as_str()),
        entry.role.as_deref(),
        Some(entry.action.as_str()),
        entry.node_id.as_deref(),
        Some(entry.request_id.as_str()),
        entry.before.as_deref(),
        entry.after.as_deref(),
    ];
    for field in fields {
        match field {
            // Null and the empty text are different facts.
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    hash.finalize().into()
}
