//! The newest rows of the change log, in memory and in the order that every reader sees: what live readers read, so that the
//! database is asked once for all of them.

use std::{collections::VecDeque, sync::Arc};

use super::{cursor::Position, store::LoggedChange};

/// The newest rows that the tail has read, at most so many.
#[derive(Debug)]
pub struct Window {
    rows: VecDeque<Arc<LoggedChange>>,
    /// What comes after it and up to the head is here.
    floor: Position,
    head: Position,
    most: usize,
}

impl Window {
    /// An empty one at a place, for at most so many rows.
    pub fn new(at: Position, most: usize) -> Self {
        Self {
            rows: VecDeque::new(),
            floor: at,
            head: at,
            most: most.max(1),
        }
    }

    /// The place behind which everything is held.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// The place of the newest row.
    pub fn head(&self) -> Position {
        self.head
    }

    /// Appends rows that come after its head, oldest first; the oldest held make room.
    pub fn append(&mut self, rows: impl IntoIterator<Item = Arc<LoggedChange>>) {
        for row in rows {
            if self.rows.len() == self.most
                && let Some(gone) = self.rows.pop_front()
            {
                self.floor = gone.position;
            }
            self.head = row.position;
            self.rows.push_back(row);
        }
    }

    /// The rows after a place, oldest first; None where some of them are not held any more.
    pub fn after(&self, place: Position) -> Option<impl Iterator<Item = &Arc<LoggedChange>>> {
        (place >= self.floor).then(|| {
            let first = self.rows.partition_point(|row| row.position <= place);
            self.rows.range(first..)
        })
    }
}
