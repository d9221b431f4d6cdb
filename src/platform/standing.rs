//! How sources stand, for what the service tells of itself.

use super::{model::SourceState, store};
use crate::{
    points,
    storage::{Database, StoreError},
};
use chrono::{DateTime, Utc};

/// How a source that is pulled stands.
#[derive(Clone, Debug)]
pub struct SourceStanding {
    /// Its code.
    pub code: String,
    /// What it is doing.
    pub state: SourceState,
    /// When everything was last read to the end.
    pub last_success_at: Option<DateTime<Utc>>,
}

/// How the sources of these codes stand; those that were never pulled are left out.
///
/// # Errors
///
/// Those of the database.
pub async fn standing(database: &Database, codes: &[String]) -> Result<Vec<SourceStanding>, StoreError> {
    let mut standing = Vec::new();
    for code in codes {
        let Some(source) = points::source_by_code(database.reader(), code).await? else {
            continue;
        };
        if let Some(state) = store::state(database.reader(), source.id).await? {
            standing.push(SourceStanding {
                code: code.clone(),
                state: state.state(),
                last_success_at: state.last_success_at,
            });
        }
    }
    Ok(standing)
}
