//! The section of the GraphQL edge.

use super::reader::Reader;
use crate::graphql::Limits;

/// `[graphql]`: what documents may be. A limit left out is the document guard's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphqlSection {
    /// Whether introspection is answered.
    pub introspection: bool,
    /// Whether browsers get GraphiQL at `GET /graphql`.
    pub graphiql: bool,
    /// Bytes of a document.
    pub document_bytes: Option<u32>,
    /// Brackets inside brackets, before parsing.
    pub nesting: Option<u32>,
    /// Lexical tokens.
    pub tokens: Option<u32>,
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
    /// Fields that an operation comes to once its fragments and pages are spread out.
    pub cost: Option<u32>,
}

impl Default for GraphqlSection {
    fn default() -> Self {
        Self {
            introspection: true,
            graphiql: true,
            document_bytes: None,
            nesting: None,
            tokens: None,
            depth: None,
            aliases: None,
            directives: None,
            root_fields: None,
            repeats: None,
            cost: None,
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
            depth: set(self.depth, default.depth),
            aliases: set(self.aliases, default.aliases),
            directives: set(self.directives, default.directives),
            root_fields: set(self.root_fields, default.root_fields),
            repeats: set(self.repeats, default.repeats),
            cost: set(self.cost, default.cost),
            introspection_cost: default.introspection_cost,
        }
    }

    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let mut limit = |key| reader.get_within(key, 1.., "at least 1");
        Self {
            document_bytes: limit("graphql.document_bytes"),
            nesting: limit("graphql.nesting"),
            tokens: limit("graphql.tokens"),
            depth: limit("graphql.depth"),
            aliases: limit("graphql.aliases"),
            directives: limit("graphql.directives"),
            root_fields: limit("graphql.root_fields"),
            repeats: limit("graphql.repeats"),
            cost: limit("graphql.cost"),
            introspection: reader
                .get("graphql.introspection")
                .unwrap_or(default.introspection),
            graphiql: reader.get("graphql.graphiql").unwrap_or(default.graphiql),
        }
    }
}
