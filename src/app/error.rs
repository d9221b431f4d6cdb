//! What keeps the service from starting, or a command from being run.

use std::io;

use super::TrustedError;
use crate::{
    auth::KeyError,
    config::Faults,
    kernel::{cause::causes, refusal::Refusal},
    storage::{StoreError, write::WriteError},
    telemetry::TelemetryError,
};

/// Why the service cannot start, or a command cannot be run; in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Faults of the configuration, all of them.
    #[error("{0}")]
    Config(#[from] Faults),
    /// The data directory.
    #[error("data directory {0}: {1}")]
    DataDir(String, #[source] io::Error),
    /// The database.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// A write.
    #[error("{}", causes(.0))]
    Write(#[from] WriteError),
    /// A rule stood in the way.
    #[error("{}", .0.iter().map(|r| r.message.en.clone()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The printed schema cannot be read back: a defect that a test finds first.
    #[error("the schema cannot be read back: {0}")]
    Schema(#[from] async_graphql::parser::Error),
    /// The manifests of trusted documents.
    #[error("trusted documents: {0}")]
    Trusted(#[from] TrustedError),
    /// What the service tells of itself.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The address to listen on.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// Something else, said in words.
    #[error("{0}")]
    Other(String),
}
