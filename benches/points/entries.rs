//! Entries, new ones each time they are asked for.

use serde_json::{Value, json};

/// An entry of a branch.
#[derive(Clone)]
pub struct Entry {
    /// Its event.
    pub event_id: String,
    /// The branch's place among the codes.
    pub branch: usize,
    /// The branch's code.
    pub code: String,
    /// In hundredths.
    pub points: i64,
    /// The month of 2022.
    pub month: u32,
    /// The day of the month.
    pub day: u32,
}

impl Entry {
    /// As an adapter sends it.
    pub fn json(&self) -> Value {
        json!({
            "eventId": self.event_id, "branchCode": self.code, "activity": "THEME_DAY",
            "points": self.points as f64 / 100.0, "occurredAt": self.occurred_at(),
        })
    }

    /// When it happened.
    pub fn occurred_at(&self) -> String {
        format!("2022-{:02}-{:02}T04:00:00Z", self.month, self.day)
    }
}

/// A never-ending list of entries, spread over branches and months.
pub struct Entries {
    name: &'static str,
    codes: Vec<String>,
    next: usize,
}

impl Entries {
    /// Of these branches; `name` begins every event.
    pub fn new(name: &'static str, codes: Vec<String>) -> Self {
        Self { name, codes, next: 0 }
    }

    /// So many batches of so many.
    pub fn batches(&mut self, batches: usize, size: usize) -> Vec<Vec<Entry>> {
        (0..batches)
            .map(|_| (0..size).map(|_| self.entry()).collect())
            .collect()
    }

    fn entry(&mut self) -> Entry {
        let n = self.next;
        self.next += 1;
        // A step that has no divisor in common with the number of branches goes through all of them, out of order.
        let branch = n * 7919 % self.codes.len().max(1);
        Entry {
            event_id: format!("{}-{n:08}", self.name),
            branch,
            code: self.codes.get(branch).cloned().unwrap_or_default(),
            points: 50 + (n % 19) as i64 * 25,
            month: (n / 1000 % 12) as u32 + 1,
            day: (n % 28) as u32 + 1,
        }
    }
}
