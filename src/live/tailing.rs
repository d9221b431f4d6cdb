//! What of the change log a process has seen: which rows are new to it, and which have their place in the order for good.
//!
//! On PostgreSQL a row is visible when its transaction commits, and has its place when no transaction with a smaller id can
//! commit any more (`pg_snapshot_xmin`). Freshness needs the one, feeds need the other. It knows no database.

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, Utc};

use super::{cursor::Position, store::LoggedChange};

/// What has been seen.
#[derive(Debug)]
pub struct Tailing {
    /// Every row up to here has its place, and was handed on.
    settled: Position,
    /// Rows beyond it that were seen.
    early: HashSet<Position>,
}

/// One look at the log, page by page.
#[derive(Debug)]
pub struct Look {
    at: Position,
    /// Every row so far has its place.
    settles: bool,
    /// When the first that has none was written.
    held: Option<DateTime<Utc>>,
}

/// What a page of rows came to.
#[derive(Debug, Default)]
pub struct Seen {
    /// Rows that were not seen before, in any order.
    pub new: Vec<Arc<LoggedChange>>,
    /// Rows that have their place now, after all before them.
    pub settled: Vec<Arc<LoggedChange>>,
}

impl Tailing {
    /// From a place on; what comes before it is of no concern.
    pub fn from(place: Position) -> Self {
        Self {
            settled: place,
            early: HashSet::new(),
        }
    }

    /// Begins to look, behind what has its place.
    pub fn look(&self) -> Look {
        Look {
            at: self.settled,
            settles: true,
            held: None,
        }
    }

    /// Whether a row is seen for the first time.
    pub fn see(&mut self, place: Position) -> bool {
        place > self.settled && self.early.insert(place)
    }

    /// Takes the next page of a look: rows behind [`Look::at`] in their order, read in one snapshot, and the smallest
    /// transaction id that may still have been running then (None where there is one writer).
    pub fn take(&mut self, look: &mut Look, rows: Vec<LoggedChange>, xmin: Option<i64>) -> Seen {
        let incarnation = rows.last().map(|row| row.position.incarnation);
        let mut seen = Seen::default();
        for row in rows {
            let place = row.position;
            let row = Arc::new(row);
            look.at = place;
            if self.see(place) {
                seen.new.push(row.clone());
            }
            // Behind one that has no place yet none has: a later snapshot may show rows between them.
            let has_place = Some(place.incarnation) < incarnation || xmin.is_none_or(|xmin| place.xid < xmin);
            look.settles &= has_place;
            if !look.settles && look.held.is_none() {
                look.held = Some(row.at);
            }
            if look.settles && place > self.settled {
                self.early.remove(&place);
                self.settled = place;
                seen.settled.push(row);
            }
        }
        seen
    }
}

impl Look {
    /// Behind which place the next page is read.
    pub fn at(&self) -> Position {
        self.at
    }

    /// When the oldest row was written that was seen and has no place yet.
    pub fn held(&self) -> Option<DateTime<Utc>> {
        self.held
    }
}
