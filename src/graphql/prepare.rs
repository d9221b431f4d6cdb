//! A request that may be run, or why it may not.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Name, ServerError, Value, Variables};

use super::documents::{Document, DocumentHash};
use super::error::ApiError;
use super::guard::{OperationFacts, Refused};
pub use super::rules::Invalid;
use crate::kernel::id::{BranchId, NodeId as _};
use crate::telemetry::Operation;

/// An operation with its variables, past the guard.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) document: Arc<Document>,
    pub(super) facts: Arc<OperationFacts>,
    pub(super) variables: Variables,
    pub(super) cost: u64,
}

impl Prepared {
    /// Query, mutation or subscription.
    pub fn kind(&self) -> OperationType {
        self.facts.kind
    }

    /// What the guard knows of the operation.
    pub fn facts(&self) -> &OperationFacts {
        &self.facts
    }

    /// The document.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The SHA-256 of the document's text.
    pub fn hash(&self) -> &DocumentHash {
        &self.document.hash
    }

    /// The variables, completed with the operation's defaults.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The one branch that it asks for by its id, where it does.
    pub fn branch(&self) -> Option<BranchId> {
        let literal = self.facts.branch.clone()?;
        let variable = |name: Name| self.variables.get(&name).cloned().ok_or(());
        match literal.into_const_with(variable).ok()? {
            Value::String(id) => BranchId::from_global(&id),
            _ => None,
        }
    }

    /// What is told of it when it runs.
    pub fn told(&self) -> Operation<'_> {
        Operation {
            kind: kind_name(self.facts.kind),
            name: self.facts.name.as_deref(),
            known_name: known_operation_name(self),
            document: &self.document.hash,
            cost: self.cost,
        }
    }

    /// What it costs with these variables.
    pub fn cost(&self) -> u64 {
        self.cost
    }
}

/// A kind of operation in the language's own word.
pub fn kind_name(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// The operation's name, where the deployment has registered the document: figures may be told by it, because there are only so
/// many.
pub fn known_operation_name(prepared: &Prepared) -> Option<&str> {
    let name = prepared.facts.name.as_deref();
    name.filter(|_| prepared.document.is_trusted)
}

/// Why a request is not run.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The guard's refusal.
    Guard(Refused),
    /// The parser's errors, and those of async-graphql's validation.
    Document(Vec<ServerError>),
    /// Places of the document that break rules of ours.
    Invalid(Vec<Invalid>),
    /// Errors of ours about the request.
    Request(Vec<ApiError>),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Guard(refused)
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Self::Request(vec![error])
    }
}
