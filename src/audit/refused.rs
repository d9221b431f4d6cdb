//! Refused access, gathered: one row a minute for a caller and field, with a count, so that a caller who is refused a
//! thousand times a second does not write a thousand rows (docs/domain.md, 8).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::AuditRecord;
use crate::storage::{
    Database,
    write::{Actor, Failure, IdempotencyKey, Write, WriteError},
};

/// Callers and fields that may wait to be written; beyond it they are counted together under their role.
const MAX_WAITING: usize = 10_000;
/// Whose keys the rows are written under; no token has a subject with a space.
const KEYS_OF: &str = "refused access";

/// Counts refusals until [`RefusedAccess::flush`] writes them. Cheap to clone.
#[derive(Clone)]
pub struct RefusedAccess {
    instance: u64,
    gathered: Arc<Mutex<Gathered>>,
}

#[derive(Default)]
struct Gathered {
    waiting: HashMap<(String, String), Waiting>,
    /// What is being written, or was given up without knowing whether it was written: it is written again under its key, as it was,
    /// before anything else.
    attempt: Option<Attempt>,
    /// How many were begun.
    begun: u64,
}

struct Waiting {
    actor: Actor,
    first_at: DateTime<Utc>,
    count: u64,
}

#[derive(Clone)]
struct Attempt {
    /// Among those of this instance.
    number: u64,
    actor: Actor,
    field: String,
    first_at: DateTime<Utc>,
    count: u64,
}

struct Refusals {
    field: String,
    count: u64,
}

impl RefusedAccess {
    /// Nothing is counted yet. `instance` tells this process from others and from itself of before: a random number.
    pub fn new(instance: u64) -> Self {
        Self {
            instance,
            gathered: Arc::default(),
        }
    }

    /// Notes that a caller was refused a field.
    pub fn note(&self, mut actor: Actor, field: &str, at: DateTime<Utc>) {
        let waiting = &mut self.gathered().waiting;
        let mut key = (actor.subject.clone(), field.to_owned());
        if waiting.len() >= MAX_WAITING && !waiting.contains_key(&key) {
            actor.subject = "*".to_owned();
            key = (actor.subject.clone(), actor.role.unwrap_or("*").to_owned());
        }
        waiting
            .entry(key)
            .or_insert(Waiting {
                actor,
                first_at: at,
                count: 0,
            })
            .count += 1;
    }

    /// Writes those whose minute is over at `now`; at the end of the service, all (`now` = None). It may be broken off, and
    /// whatever it meets each is written once: one whose fate is not known is written under its key again.
    ///
    /// # Errors
    ///
    /// Those of the database; what is not written waits for the next turn.
    pub async fn flush(&self, database: &Database, now: Option<DateTime<Utc>>) -> Result<(), WriteError> {
        while let Some(attempt) = self.next(now) {
            let key = IdempotencyKey {
                caller: KEYS_OF.to_owned(),
                key: format!("{:016x}-{}", self.instance, attempt.number),
                // A key never stands for anything else.
                body_hash: Vec::new(),
            };
            let input = Refusals {
                field: attempt.field.clone(),
                count: attempt.count,
            };
            let written = database
                .write(attempt.actor.clone(), Some(key), input, |w, i| {
                    Box::pin(record(w, i))
                })
                .await;
            match written {
                Ok(_) => self.ended(&attempt),
                // A database that is away must not lose them, nor double them when it comes back.
                Err(error) => {
                    let unknown = match &error {
                        WriteError::Store(error) => error.is_unavailable(),
                        _ => true,
                    };
                    if !unknown {
                        self.ended(&attempt);
                        self.put_back(attempt);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The one that was given up, else one that is due.
    fn next(&self, now: Option<DateTime<Utc>>) -> Option<Attempt> {
        let mut gathered = self.gathered();
        if gathered.attempt.is_none() {
            let is_due =
                |waiting: &Waiting| now.is_none_or(|now| now - waiting.first_at >= TimeDelta::minutes(1));
            let mut due = gathered.waiting.extract_if(|_, waiting| is_due(waiting));
            let ((_, field), refused) = due.next()?;
            drop(due);
            gathered.begun += 1;
            gathered.attempt = Some(Attempt {
                number: gathered.begun,
                actor: refused.actor,
                field,
                first_at: refused.first_at,
                count: refused.count,
            });
        }
        gathered.attempt.clone()
    }

    fn ended(&self, attempt: &Attempt) {
        let mut gathered = self.gathered();
        if gathered
            .attempt
            .as_ref()
            .is_some_and(|last| last.number == attempt.number)
        {
            gathered.attempt = None;
        }
    }

    fn put_back(&self, refused: Attempt) {
        let key = (refused.actor.subject.clone(), refused.field);
        match self.gathered().waiting.entry(key) {
            // The same caller was refused again meanwhile.
            Entry::Occupied(mut entry) => {
                let newer = entry.get_mut();
                newer.count += refused.count;
                newer.first_at = refused.first_at;
            }
            Entry::Vacant(entry) => {
                entry.insert(Waiting {
                    actor: refused.actor,
                    first_at: refused.first_at,
                    count: refused.count,
                });
            }
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn record(write: &mut Write<'_>, input: &Refusals) -> Result<(), Failure> {
    write.audit(AuditRecord::new("refused").after(json!({ "field": input.field, "count": input.count })));
    Ok(())
}
