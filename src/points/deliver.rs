//! `pushPoints`, and the route for streams: what a caller delivers for a source.

use sea_orm::ConnectionTrait;

use super::{
    entry::Entry,
    model::LedgerError,
    push::{Outcome, Push, push},
    store::{self, Source},
};
use crate::{
    auth::Grant,
    kernel::{refusal::Refusal, text},
    storage::write::{Failure, Write},
};

/// Entries of one call at most: **limit**.
pub const ENTRIES_LIMIT: usize = 1000;

/// What is delivered.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// The source as the caller wrote it.
    pub source_code: String,
    /// The entries, in their order.
    pub entries: Vec<Entry>,
}

/// Books what is delivered: each entry is booked, repeated, or kept in quarantine on its own.
///
/// # Errors
///
/// FORBIDDEN for another's source; a refusal where there is no such source, or for more than [`ENTRIES_LIMIT`] entries.
pub async fn deliver(write: &mut Write<'_>, grant: &Grant, input: &Deliver) -> Result<Vec<Outcome>, Failure> {
    let source = granted_source(write.connection(), grant, &input.source_code).await?;
    if input.entries.len() > ENTRIES_LIMIT {
        return Err(Refusal::from(LedgerError::TooManyEntries {
            given: input.entries.len(),
            limit: ENTRIES_LIMIT,
        })
        .into());
    }
    let input = Push {
        source: source.id,
        source_code: source.code,
        entries: input.entries.clone(),
    };
    push(write, &input).await
}

/// Whether platforms may push for a source.
pub fn check_source(source: &Source) -> Result<(), Refusal> {
    match source.code.as_str() {
        super::LOCAL => Err(LedgerError::OwnSource.into()),
        _ => Ok(()),
    }
}

/// The source that a caller writes of, where it may.
pub(super) async fn granted_source(
    connection: &impl ConnectionTrait,
    grant: &Grant,
    code: &str,
) -> Result<Source, Failure> {
    let code = text::code(code).map_err(|error| error.refusal(&["sourceCode"]))?;
    let source = store::source_by_code(connection, &code).await?;
    grant.require_source(source.as_ref().map(|source| source.id))?;
    let source = source.ok_or_else(|| Refusal::from(LedgerError::NoSource))?;
    check_source(&source)?;
    Ok(source)
}
