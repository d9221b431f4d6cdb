//! What is told of entries that were pushed: how many, and what became of them.

use super::push::Outcome;
use crate::storage::Database;

/// Counts the outcomes of a batch that is durable.
pub fn told(database: &Database, source_code: &str, outcomes: &[Outcome]) {
    let Some(telemetry) = database.telemetry() else {
        return;
    };
    let (mut accepted, mut duplicate, mut quarantined) = (0, 0, 0);
    for outcome in outcomes {
        *match outcome {
            Outcome::Accepted => &mut accepted,
            Outcome::Duplicate => &mut duplicate,
            Outcome::Quarantined(_) => &mut quarantined,
        } += 1;
    }
    telemetry.pushed(source_code, accepted, duplicate, quarantined);
}
