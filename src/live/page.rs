//! The change log in pages, in a caller's scope.

use std::collections::HashSet;

use super::{
    change::Topic,
    cursor::{Cursor, Position},
    store::{self, LoggedChange},
};
use crate::{
    auth::{Extent, Scope},
    kernel::id::{BranchId, OrganizationId, PointSourceId},
    storage::{Database, StoreError},
};

/// Rows read from the log at a time.
const CHUNK: u64 = 500;
/// Chunks that one page looks through at most. A caller whose scope is small gets a short page with a cursor that has
/// moved on, and `hasMore`, instead of holding a connection until something in scope turns up.
const CHUNKS: usize = 20;

/// What changes a caller wants to hear of.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    /// Of these topics.
    pub topics: Option<Vec<Topic>>,
    /// That concern one of these branches.
    pub branches: Option<HashSet<BranchId>>,
    /// In this organization's subtree, as it stood when they happened.
    pub organization: Option<OrganizationId>,
}

impl ChangeFilter {
    /// Whether a change passes.
    pub fn takes(&self, change: &LoggedChange) -> bool {
        self.topics
            .as_ref()
            .is_none_or(|topics| topics.contains(&change.topic))
            && self
                .branches
                .as_ref()
                .is_none_or(|ids| change.branch_ids.iter().any(|id| ids.contains(id)))
            && self
                .organization
                .is_none_or(|id| change.organization_ids.contains(&id))
    }
}

/// Whether a caller may hear of a change: of what everybody sees, or of what lay in its scope before or after.
pub fn is_visible(change: &LoggedChange, scope: &Scope) -> bool {
    if change.topic == Topic::Source {
        return scope.reaches_source(PointSourceId(change.node.number));
    }
    if change.public && scope.sees_public() {
        return true;
    }
    match scope.extent() {
        Extent::Nothing => false,
        Extent::Branch(id) => change.branch_ids.contains(&id),
        Extent::Subtree(id) => change.organization_ids.contains(&id),
        Extent::Assigned { examiner, own } => {
            change.examiner_ids.contains(&examiner)
                && change.branch_ids.iter().any(|branch| Some(*branch) != own)
        }
        Extent::District => true,
    }
}

/// A page of changes.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// The changes, oldest first.
    pub changes: Vec<LoggedChange>,
    /// Where the next page begins.
    pub cursor: Cursor,
    /// Whether more may follow at once.
    pub has_more: bool,
}

/// Why a page could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The cursor is of another life of the log, beyond its end, or of a part that is no longer kept.
    #[error("cursor expired")]
    CursorExpired,
    /// A live reader has not taken what the window held; it goes on from this cursor.
    #[error("too slow")]
    TooSlow(Cursor),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The changes after a cursor; without one from the oldest kept.
pub async fn page(
    database: &Database,
    scope: &Scope,
    filter: &ChangeFilter,
    after: Option<Cursor>,
    first: usize,
) -> Result<ChangePage, ChangesError> {
    let incarnation = database.incarnation().await?;
    let connection = database.reader();
    let mut position = match after {
        None => Position::default(),
        Some(cursor) => {
            check(database, cursor).await?;
            cursor.position
        }
    };
    let mut changes = Vec::new();
    let mut has_more = false;
    'chunks: for chunk in 0..CHUNKS {
        let rows = store::read(connection, incarnation.number, position, CHUNK).await?;
        database.log().noticed(&rows);
        let full = rows.len() as u64 == CHUNK;
        for row in rows {
            if changes.len() == first {
                has_more = true;
                if position == Position::default() {
                    // None were asked for: the place before the oldest.
                    position = row.position;
                    position.seq -= 1;
                }
                break 'chunks;
            }
            position = row.position;
            if filter.takes(&row) && is_visible(&row, scope) {
                changes.push(row);
            }
        }
        if !full {
            break;
        }
        has_more = chunk + 1 == CHUNKS;
    }
    if position == Position::default() {
        // An empty log: the beginning of this incarnation, which later rows follow.
        position = Position {
            incarnation: incarnation.number,
            xid: 0,
            seq: 0,
        };
    }
    Ok(ChangePage {
        changes,
        cursor: Cursor {
            nonce: incarnation.nonce,
            position,
        },
        has_more,
    })
}

/// Where the log ends for its readers now: what is written from now on comes after it.
pub async fn head(database: &Database) -> Result<Cursor, StoreError> {
    let incarnation = database.incarnation().await?;
    let position = store::head(database.reader(), incarnation.number).await?;
    Ok(Cursor {
        nonce: incarnation.nonce,
        position,
    })
}

/// A cursor must be of this incarnation, not ahead of the head, and not in a part that is gone.
pub(super) async fn check(database: &Database, cursor: Cursor) -> Result<(), ChangesError> {
    let incarnation = database.incarnation().await?;
    if cursor.nonce != incarnation.nonce || cursor.position.incarnation > incarnation.number {
        return Err(ChangesError::CursorExpired);
    }
    let start = Position {
        incarnation: incarnation.number,
        xid: 0,
        seq: 0,
    };
    let head = store::head(database.reader(), incarnation.number).await?;
    if cursor.position > head && cursor.position != start {
        return Err(ChangesError::CursorExpired);
    }
    match store::pruned(database.reader()).await? {
        Some(pruned) if cursor.position < pruned => Err(ChangesError::CursorExpired),
        _ => Ok(()),
    }
}
