//! One reader of the change log: first what it has missed, from the database, then what comes, from the [`Window`]. A state
//! machine without I/O; `changes.rs` drives it.

use std::sync::Arc;

use super::{
    cursor::Position,
    page::{ChangeFilter, is_visible},
    store::LoggedChange,
    window::Window,
};
use crate::auth::Scope;

/// A reader.
#[derive(Debug)]
pub struct Feed {
    scope: Scope,
    filter: ChangeFilter,
    /// Every row up to here was handed on, or is not for this reader.
    place: Position,
    state: State,
    was_live: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Reads what it has missed.
    Behind,
    /// Reads what comes.
    Live,
}

/// What a reader does next.
#[derive(Debug)]
pub enum Step {
    /// Read rows from the database; see [`Feed::read`].
    Read(Missed),
    /// Hand these on, oldest first.
    Take(Vec<Arc<LoggedChange>>),
    /// Wait until the window has more.
    Wait,
    /// It was live, and what it has not taken yet is not held any more. Either it is too slow, or it [goes back](Feed::go_back)
    /// to reading what it has missed.
    Left,
}

/// Rows to read from the database.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    /// Those behind this place.
    pub after: Position,
    /// Where the window ended before they are read: a page that is not full holds everything up to there.
    covers: Position,
}

impl Feed {
    /// A reader behind a place.
    pub fn after(place: Position, scope: Scope, filter: ChangeFilter) -> Self {
        Self {
            scope,
            filter,
            place,
            state: State::Behind,
            was_live: false,
        }
    }

    /// What to do next; it hands on at most so many rows at once.
    pub fn step(&mut self, window: &Window, most: usize) -> Step {
        let Some(rows) = window.after(self.place) else {
            return match self.state {
                State::Behind => Step::Read(Missed {
                    after: self.place,
                    covers: window.head(),
                }),
                State::Live => Step::Left,
            };
        };
        self.state = State::Live;
        self.was_live = true;
        let mut taken = Vec::new();
        for row in rows {
            if taken.len() == most {
                break;
            }
            self.place = row.position;
            if self.wants(row) {
                taken.push(row.clone());
            }
        }
        match taken.is_empty() {
            true => Step::Wait,
            false => Step::Take(taken),
        }
    }

    /// Whether it has caught up before.
    pub fn was_live(&self) -> bool {
        self.was_live
    }

    /// Reads from the database again until it has caught up.
    pub fn go_back(&mut self) {
        self.state = State::Behind;
    }

    /// Takes rows that were read from the database, all that have their place behind [`Missed::after`], or so many of them as
    /// one page holds (then it is full); gives those to hand on.
    pub fn read(&mut self, missed: Missed, rows: Vec<LoggedChange>, full: bool) -> Vec<Arc<LoggedChange>> {
        let last = rows.last().map(|row| row.position);
        self.place = self.place.max(last.unwrap_or(self.place));
        if !full {
            self.place = self.place.max(missed.covers);
        }
        rows.into_iter()
            .filter(|row| self.wants(row))
            .map(Arc::new)
            .collect()
    }

    fn wants(&self, row: &LoggedChange) -> bool {
        self.filter.takes(row) && is_visible(row, &self.scope)
    }
}
