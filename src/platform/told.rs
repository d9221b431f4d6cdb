//! What a source is doing goes to the change log when it changes.

use super::model::{Pulled, SourceState};
use crate::{
    live::change::{Action, Change, Topic},
    storage::write::Write,
};

/// Reports the state that a source has now, where it was another before.
pub(super) fn tell(write: &mut Write<'_>, before: SourceState, after: &Pulled) {
    if before != after.state() {
        write.change(Change::new(Topic::Source, Action::Updated, after.source).in_scope_only(true));
    }
}
