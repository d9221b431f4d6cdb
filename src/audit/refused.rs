//! Refused access, gathered: one row a minute for a caller and field, with a count, so that a caller who is refused a
//! thousand times a second does not write a thousand rows (docs/domain.md, 8).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::AuditRecord;
use crate::storage::{
    Database,
    write::{Actor, Failure, Write, WriteError},
};

/// Callers and fields that may wait to be written; beyond it they are counted together under their role.
const MAX_WAITING: usize = 10_000;

/// Counts refusals until [`RefusedAccess::flush`] writes them. Cheap to clone.
#[derive(Clone, Default)]
pub struct RefusedAccess {
    waiting: Arc<Mutex<HashMap<(String, String), Waiting>>>,
}

struct Waiting {
    actor: Actor,
    first_at: DateTime<Utc>,
    count: u64,
}

struct Refusals {
    field: String,
    count: u64,
}

impl RefusedAccess {
    /// Notes that a caller was refused a field.
    pub fn note(&self, mut actor: Actor, field: &str, at: DateTime<Utc>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
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

    /// Writes those whose minute is over at `now`; at the end of the service, all (`now` = None).
    pub async fn flush(&self, database: &Database, now: Option<DateTime<Utc>>) -> Result<(), WriteError> {
        let due: Vec<((String, String), Waiting)> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
            waiting
                .extract_if(|_, w| now.is_none_or(|now| now - w.first_at >= TimeDelta::minutes(1)))
                .collect()
        };
        let mut due = due.into_iter();
        while let Some((key, refused)) = due.next() {
            let input = Refusals {
                field: key.1.clone(),
                count: refused.count,
            };
            let written = database
                .write(refused.actor.clone(), None, input, |w, i| Box::pin(record(w, i)))
                .await;
            if let Err(error) = written {
                // A database that is away must not lose them: they wait for the next turn.
                self.put_back(std::iter::once((key, refused)).chain(due));
                return Err(error);
            }
        }
        Ok(())
    }

    fn put_back(&self, unwritten: impl Iterator<Item = ((String, String), Waiting)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(|e| e.into_inner());
        for (key, refused) in unwritten {
            match waiting.entry(key) {
                // The same caller was refused again meanwhile.
                Entry::Occupied(mut entry) => {
                    let newer = entry.get_mut();
                    newer.count += refused.count;
                    newer.first_at = refused.first_at;
                }
                Entry::Vacant(entry) => {
                    entry.insert(refused);
                }
            }
        }
    }
}

async fn record(write: &mut Write<'_>, input: &Refusals) -> Result<(), Failure> {
    write.audit(AuditRecord::new("refused").after(json!({ "field": input.field, "count": input.count })));
    Ok(())
}
