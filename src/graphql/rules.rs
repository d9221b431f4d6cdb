//! Rules of validation (GraphQL September 2025, section 5) that async-graphql leaves out, or keeps in part (ADR 0022).
//!
//! - [`typename`]: `__typename` is a field as others are (5.3.1, 5.3.3, 5.4, 5.7), and its directives use variables (5.8.4).
//! - [`keys`]: an input has each field once (5.6.3), of which the parser keeps the last.
//! - [`literals`]: values fit the types where they stand (5.6), also beside variables and in inputs of one field.
//! - [`subscriptions`]: a subscription has one root field (5.2.4.1).
//! - [`usages`]: variables fit where they are used (5.8.5), and what is to be made of those that are left out (6.4.1).
//! - [`merging`]: fields of one response name can be merged (5.3.2).
//!
//! They run over documents that the guard and async-graphql's own validation have let pass: names are known, and no fragment
//! spreads itself.

mod keys;
mod literals;
mod merging;
mod places;
mod subscriptions;
mod typename;
mod usages;

use async_graphql::Pos;
use async_graphql::parser::types::ExecutableDocument;

use super::error::ApiError;
use super::guard::Limits;
use super::prepare::Fault;
use super::sdl::SchemaTypes;
use crate::kernel::message::Message;

pub(super) use typename::as_fragments;
pub(super) use usages::Uses;

/// How many faults of a kind are told at once.
const MOST_FAULTS: usize = 10;

/// Characters of the document's own text that a fault shows.
const MOST_CHARACTERS: usize = 60;

/// A place of a document that breaks a rule.
#[derive(Clone, Debug)]
pub struct Invalid {
    /// BAD_REQUEST, in words.
    pub error: ApiError,
    /// Where, most telling first.
    pub at: Vec<Pos>,
}

impl Invalid {
    fn new(at: impl Into<Vec<Pos>>, zh: String, en: String) -> Self {
        Self {
            error: ApiError::bad_request(Message::new(zh, en)),
            at: at.into(),
        }
    }
}

/// Holds a document against them; `steps` is what of its limit on the work of validation is used up already.
///
/// # Errors
///
/// The faults of the first rule that is broken, at most ten; the guard's refusal where comparing fields takes too many steps.
pub(super) fn check(
    document: &ExecutableDocument,
    types: &SchemaTypes,
    limits: &Limits,
    steps: u64,
) -> Result<Uses, Fault> {
    told(subscriptions::check(document))?;
    let scopes = places::scopes(document, types);
    told(literals::check(&scopes, types))?;
    let uses = usages::check(&scopes, types).map_err(Fault::Invalid)?;
    told(merging::check(document, types, limits, steps)?)?;
    Ok(uses)
}

/// The same for what its validation does not get to see: what `__typename` is given, and fields of inputs that the parser has dropped.
///
/// # Errors
///
/// The faults of the first rule that is broken, at most ten.
pub(super) fn check_unseen(text: &str, document: &ExecutableDocument) -> Result<(), Fault> {
    told(keys::check(text))?;
    told(typename::check(document))
}

fn told(faults: Vec<Invalid>) -> Result<(), Fault> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Fault::Invalid(faults)),
    }
}

/// The document's own text, as much of it as a fault shows.
fn shown(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
