//! The parameters of a GraphQL request, whatever transport brought it (graphql.github.io/graphql-over-http/draft, sections
//! "Request Parameters" and Appendix A).

use async_graphql::Variables;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The parameters of a GraphQL request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphqlRequest {
    /// The document; empty where the request only names one.
    pub query: String,
    /// The name of a document that is kept here: `documentId`.
    pub document_id: Option<String>,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// Its variables.
    pub variables: Variables,
    /// Whatever else clients and servers agree on.
    pub extensions: Map<String, Value>,
}

/// The same as it stands in JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestParams {
    /// `query`
    pub query: Option<String>,
    /// `documentId`; Relay's own examples call it `doc_id` or `id`.
    #[serde(alias = "doc_id", alias = "id")]
    pub document_id: Option<String>,
    /// `operationName`
    pub operation_name: Option<String>,
    /// `variables`
    #[serde(default)]
    pub variables: Variables,
    /// `extensions`
    pub extensions: Option<Map<String, Value>>,
}

impl RequestParams {
    /// The request; None where it has no document and names none.
    pub fn into_request(self) -> Option<GraphqlRequest> {
        let extensions = self.extensions.unwrap_or_default();
        let is_named = self.document_id.is_some() || extensions.contains_key("persistedQuery");
        let query = match self.query {
            Some(query) => query,
            None if is_named => String::new(),
            None => return None,
        };
        Some(GraphqlRequest {
            query,
            document_id: self.document_id,
            operation_name: self.operation_name,
            variables: self.variables,
            extensions,
        })
    }
}

/// Values that a request may have, about: **limit**. Parsed, each takes some seventy bytes; written, it may take two.
pub const MOST_VALUES: usize = 150_000;

/// How many values a text of JSON has, about; commas within texts count too, of which requests have few.
pub fn values(json: &[u8]) -> usize {
    let begins = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    json.iter().filter(begins).count()
}
