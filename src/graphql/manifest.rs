//! Manifests of trusted documents, as the tools of front-ends write them.
//!
//! relay-compiler (`persistConfig.file`) and graphql-codegen (client preset, `persistedDocuments`) write one object from
//! identifiers to documents; `@apollo/generate-persisted-query-manifest` writes a list of operations with a head.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What Apollo's manifests say they are.
const APOLLO: &str = "apollo-persisted-query-manifest";

/// A document of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How clients name it.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// Why a manifest cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, at this line and column.
    #[error("no JSON (line {0} column {1})")]
    NotJson(usize, usize),
    /// JSON of another form.
    #[error(
        "neither an object from identifiers to documents (Relay, graphql-codegen) nor an apollo-persisted-query-manifest of version 1"
    )]
    Form,
    /// An identifier without a document.
    #[error("{0:?} is no text of a document")]
    NoText(String),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

/// Reads a manifest.
///
/// # Errors
///
/// [`ManifestError`]; whether the documents are any is for the engine to say.
pub fn read(text: &str) -> Result<Vec<Entry>, ManifestError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let manifest: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => ManifestError::Form,
            _ => ManifestError::NotJson(error.line(), error.column()),
        })?;
    if manifest.get("format").and_then(Value::as_str) == Some(APOLLO) {
        return of_apollo(manifest).ok_or(ManifestError::Form);
    }
    let entries = manifest.into_iter().map(|(id, text)| match text {
        Value::String(text) if !id.is_empty() => Ok(Entry { id, text }),
        _ => Err(ManifestError::NoText(id)),
    });
    entries.collect()
}

fn of_apollo(mut manifest: Map<String, Value>) -> Option<Vec<Entry>> {
    let is_known = manifest.get("version").and_then(Value::as_u64) == Some(1);
    let operations = manifest.remove("operations").filter(|_| is_known)?;
    let operations: Vec<Operation> = serde_json::from_value(operations).ok()?;
    let entries = operations.into_iter().map(|operation| Entry {
        id: operation.id,
        text: operation.body,
    });
    Some(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, text: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn each_tools_manifest_is_read() {
        let relay = r#"{ "9b2d": "query A { viewer { role } }", "00ff": "query B { viewer { role } }" }"#;
        let read_entries = read(relay).unwrap();
        assert_eq!(read_entries.len(), 2);
        assert!(read_entries.contains(&entry("9b2d", "query A { viewer { role } }")));
        let apollo = r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
            { "id": "a1", "name": "A", "type": "query", "body": "query A { viewer { role } }" }] }"#;
        assert_eq!(
            read(apollo).unwrap(),
            [entry("a1", "query A { viewer { role } }")]
        );
        assert_eq!(read("{}").unwrap(), []);
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        assert_eq!(read("{").unwrap_err(), ManifestError::NotJson(1, 1));
        assert_eq!(read("[]").unwrap_err(), ManifestError::Form);
        assert_eq!(
            read(r#"{ "a": 1 }"#).unwrap_err(),
            ManifestError::NoText("a".to_owned())
        );
        let newer = r#"{ "format": "apollo-persisted-query-manifest", "version": 2, "operations": [] }"#;
        assert_eq!(read(newer).unwrap_err(), ManifestError::Form);
    }
}
