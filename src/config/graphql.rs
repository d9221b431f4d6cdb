//! The section of the GraphQL edge.

use std::{ops::RangeInclusive, path::PathBuf};

use super::{reader::Reader, value::Roles};
use crate::{
    auth::Role,
    graphql::{Limits, engine::DocumentOptions},
};

/// A body is held whole while it is read.
const BODY_BYTES: RangeInclusive<u32> = 1024..=64 * 1024 * 1024;

/// `[graphql]`: what documents may be. A limit left out is the document guard's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphqlSection {
    /// The roles whose introspection is answered.
    pub introspection: Vec<Role>,
    /// Whether browsers get GraphiQL at `GET /graphql`.
    pub graphiql: bool,
    /// Bytes of a document.
    pub document_bytes: Option<u32>,
    /// Brackets inside brackets, before parsing.
    pub nesting: Option<u32>,
    /// Lexical tokens.
    pub tokens: Option<u32>,
    /// Bytes of a name.
    pub name_bytes: Option<u32>,
    /// Fields inside fields.
    pub depth: Option<u32>,
    /// Aliases in a document.
    pub aliases: Option<u32>,
    /// Directives in a document.
    pub directives: Option<u32>,
    /// Root fields of an operation.
    pub root_fields: Option<u32>,
    /// How often one field may stand in one selection.
    pub repeats: Option<u32>,
    /// What an operation costs once its fragments and pages are spread out.
    pub cost: Option<u32>,
    /// What validation has to look at.
    pub validation_steps: Option<u32>,
    /// Bytes of variables, each as often as it is used.
    pub variable_bytes: Option<u32>,
    /// Bytes of the variables of a subscription.
    pub subscription_variable_bytes: Option<u32>,
    /// Bytes of a request's body, unpacked.
    pub body_bytes: u32,
    /// Bytes that kept documents may take.
    pub document_memory: u64,
    /// Whether a document that has passed may be asked for by its SHA-256.
    pub automatic_persisted_queries: bool,
    /// Manifests of trusted documents.
    pub trusted_documents: Vec<PathBuf>,
    /// The roles that may send other documents.
    pub any_document: Vec<Role>,
}

impl Default for GraphqlSection {
    fn default() -> Self {
        Self {
            introspection: Role::ALL.to_vec(),
            graphiql: true,
            document_bytes: None,
            nesting: None,
            tokens: None,
            name_bytes: None,
            depth: None,
            aliases: None,
            directives: None,
            root_fields: None,
            repeats: None,
            cost: None,
            validation_steps: None,
            variable_bytes: None,
            subscription_variable_bytes: None,
            body_bytes: 1024 * 1024,
            document_memory: DocumentOptions::default().memory,
            automatic_persisted_queries: true,
            trusted_documents: Vec::new(),
            any_document: Role::ALL.to_vec(),
        }
    }
}

impl GraphqlSection {
    /// The document guard's limits, its own where nothing is set.
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        let set = |value: Option<u32>, default: u64| value.map_or(default, u64::from);
        Limits {
            document_bytes: set(self.document_bytes, default.document_bytes),
            nesting: set(self.nesting, default.nesting),
            tokens: set(self.tokens, default.tokens),
            name_bytes: set(self.name_bytes, default.name_bytes),
            depth: set(self.depth, default.depth),
            aliases: set(self.aliases, default.aliases),
            directives: set(self.directives, default.directives),
            root_fields: set(self.root_fields, default.root_fields),
            repeats: set(self.repeats, default.repeats),
            cost: set(self.cost, default.cost),
            introspection_cost: default.introspection_cost,
            validation_steps: set(self.validation_steps, default.validation_steps),
            variable_bytes: set(self.variable_bytes, default.variable_bytes),
            subscription_variable_bytes: set(
                self.subscription_variable_bytes,
                default.subscription_variable_bytes,
            ),
        }
    }

    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let mut limit = |key| reader.get_within(key, 1.., "at least 1");
        Self {
            document_bytes: limit("graphql.document_bytes"),
            nesting: limit("graphql.nesting"),
            tokens: limit("graphql.tokens"),
            name_bytes: limit("graphql.name_bytes"),
            depth: limit("graphql.depth"),
            aliases: limit("graphql.aliases"),
            directives: limit("graphql.directives"),
            root_fields: limit("graphql.root_fields"),
            repeats: limit("graphql.repeats"),
            cost: limit("graphql.cost"),
            validation_steps: limit("graphql.validation_steps"),
            variable_bytes: limit("graphql.variable_bytes"),
            subscription_variable_bytes: limit("graphql.subscription_variable_bytes"),
            body_bytes: reader
                .get_within("graphql.body_bytes", BODY_BYTES, "between 1024 and 67108864")
                .unwrap_or(default.body_bytes),
            document_memory: reader
                .get_within("graphql.document_memory_mib", 1..=100_000, "between 1 and 100000")
                .map_or(default.document_memory, |mib: u32| u64::from(mib) * 1024 * 1024),
            introspection: reader
                .get("graphql.introspection")
                .map_or(default.introspection, |Roles(roles)| roles),
            graphiql: reader.get("graphql.graphiql").unwrap_or(default.graphiql),
            automatic_persisted_queries: reader
                .get("graphql.automatic_persisted_queries")
                .unwrap_or(default.automatic_persisted_queries),
            trusted_documents: reader
                .get("graphql.trusted_documents")
                .unwrap_or(default.trusted_documents),
            any_document: reader
                .get("graphql.any_document")
                .map_or(default.any_document, |Roles(roles)| roles),
        }
    }
}
