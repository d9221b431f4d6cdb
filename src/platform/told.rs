//! What a source is doing goes to the change log when it changes.

use super::model::{Pulled, SourceState};
use crate::{points::source_changed, storage::write::Write};

/// Reports the state that a source has now, where it was another before.
pub(super) fn tell(write: &mut Write<'_>, before: SourceState, after: &Pulled) {
    if before != after.state() {
        write.change(source_changed(after.source));
    }
}
