//! Who writes, and how long that may take.

use crate::storage::HOUSEKEEPING;

/// Who writes, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's opaque subject, or the name of a job of our own.
    pub subject: String,
    /// The caller's role; none for the service's own jobs and the command line.
    pub role: Option<&'static str>,
    /// The request this belongs to.
    pub request_id: String,
    /// How long its writes may take.
    pub patience: WritePatience,
}

/// How long a write is waited for on PostgreSQL, as so many times the limit of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePatience {
    /// Somebody waits for the answer: 3 times.
    Caller,
    /// It comes again by itself: as long as housekeeping, 8 times.
    Job,
    /// What a start or a command writes at once, such as a demonstration's district: 60 times.
    Import,
}

impl WritePatience {
    pub(super) fn times(self) -> u32 {
        match self {
            Self::Caller => 3,
            Self::Job => HOUSEKEEPING,
            Self::Import => 60,
        }
    }
}

impl Actor {
    /// The service itself at its start, or the command line.
    pub fn service(command: &str) -> Self {
        Self {
            subject: "zhibu".to_owned(),
            role: None,
            request_id: command.to_owned(),
            patience: WritePatience::Import,
        }
    }

    /// One of the service's jobs, which run again and again.
    pub fn job(job: &str) -> Self {
        Self {
            patience: WritePatience::Job,
            ..Self::service(job)
        }
    }
}
