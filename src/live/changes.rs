//! A reader of the change log that waits for what comes: drives a [`Feed`].

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    cursor::{Cursor, Position},
    feed::{Feed, Missed, Step},
    page::{self, ChangeFilter, ChangesError},
    store::{self, LoggedChange},
};
use crate::{auth::Scope, storage::Database};

/// Rows read from the database, or taken from the window, at a time.
const CHUNK: usize = 200;

/// A reader.
pub struct Changes {
    database: Database,
    feed: Feed,
    seen: watch::Receiver<u64>,
    nonce: i64,
    pending: VecDeque<Arc<LoggedChange>>,
    /// The longest that a change has waited for the reader since it had all there was.
    waited: Duration,
    patience: Duration,
    /// The last change that was handed on, or where the reader began.
    last: Position,
    /// What was handed on before it.
    before: Position,
}

impl Changes {
    /// Reads what comes after a cursor; without one, what comes from now on. A live reader that keeps a change waiting for
    /// longer than `patience` and meanwhile misses what the window holds is too slow.
    ///
    /// # Errors
    ///
    /// A cursor that the log no longer holds; the database.
    pub async fn open(
        database: Database,
        scope: Scope,
        filter: ChangeFilter,
        after: Option<Cursor>,
        patience: Duration,
    ) -> Result<Self, ChangesError> {
        // Before anything is read, so that nothing falls between.
        let seen = database.log().watch();
        let begin = match after {
            Some(cursor) => {
                page::check(&database, cursor).await?;
                cursor
            }
            None => page::head(&database).await?,
        };
        Ok(Self {
            feed: Feed::after(begin.position, scope, filter),
            seen,
            nonce: begin.nonce,
            pending: VecDeque::new(),
            waited: Duration::ZERO,
            patience,
            last: begin.position,
            before: begin.position,
            database,
        })
    }

    /// The nonce of the log, for cursors.
    pub fn nonce(&self) -> i64 {
        self.nonce
    }

    /// After which the last change that was handed on comes: who could not read what is asked of it goes on there.
    pub fn before(&self) -> Cursor {
        Cursor {
            nonce: self.nonce,
            position: self.before,
        }
    }

    /// The next change, as soon as there is one.
    ///
    /// # Errors
    ///
    /// The reader is too slow, or the log was pruned before it came so far; the database.
    pub async fn next(&mut self) -> Result<Arc<LoggedChange>, ChangesError> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                self.before = std::mem::replace(&mut self.last, change.position);
                return Ok(change);
            }
            self.seen.mark_unchanged();
            match self.database.log().step(&mut self.feed, CHUNK) {
                Some(Step::Take(changes)) => self.pending.extend(changes),
                // Who catches up when it comes takes the time that it takes; who was there and is left behind does not.
                Some(Step::Left | Step::Read(_)) if self.feed.was_live() && self.waited > self.patience => {
                    return Err(ChangesError::TooSlow(Cursor {
                        nonce: self.nonce,
                        position: self.last,
                    }));
                }
                Some(Step::Read(missed)) => self.read(missed).await?,
                // There was more at once than could be told: nobody's fault.
                Some(Step::Left) => self.feed.go_back(),
                // Its sender is the log's own, which the database holds.
                Some(Step::Wait) | None => {
                    self.waited = Duration::ZERO;
                    let _ = self.seen.changed().await;
                }
            }
        }
    }

    /// A change has waited so long for whoever reads.
    pub fn waited(&mut self, length: Duration) {
        self.waited = self.waited.max(length);
    }

    async fn read(&mut self, missed: Missed) -> Result<(), ChangesError> {
        let incarnation = self.database.incarnation().await?.number;
        let connection = self.database.reader();
        let rows = store::read(connection, incarnation, missed.after, CHUNK as u64).await?;
        // Looked up afterwards: what was pruned while it was read is missing.
        if store::pruned(connection)
            .await?
            .is_some_and(|pruned| missed.after < pruned && missed.after != Position::default())
        {
            return Err(ChangesError::CursorExpired);
        }
        self.database.log().noticed(&rows);
        let full = rows.len() == CHUNK;
        self.pending.extend(self.feed.read(missed, rows, full));
        Ok(())
    }
}
