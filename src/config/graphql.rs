//! The section of the GraphQL edge.

use super::reader::Reader;

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
