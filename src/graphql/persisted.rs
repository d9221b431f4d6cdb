//! How a request names a document instead of sending it: `documentId` (GraphQL over HTTP, Appendix A) and Apollo's
//! `extensions.persistedQuery`.

use serde_json::Value;

use super::documents::DocumentHash;
use super::error::{ApiError, ErrorCode};
use super::request::GraphqlRequest;
use crate::kernel::message::Message;

/// The prefix of an identifier that is the SHA-256 of the document's text.
const SHA256: &str = "sha256:";

/// The name of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// As a manifest names it.
    pub id: &'a str,
    /// The SHA-256 of its text, where the name is one.
    pub hash: Option<DocumentHash>,
}

/// What a request names; None where it sends its document and nothing else.
///
/// # Errors
///
/// BAD_REQUEST for a `persistedQuery` that is none, and for two names.
pub(super) fn named(request: &GraphqlRequest) -> Result<Option<Named<'_>>, ApiError> {
    let by_id = request.document_id.as_deref().map(|id| {
        let hex = id.strip_prefix(SHA256).unwrap_or(id);
        Named { id, hash: hash(hex) }
    });
    let by_extension = match request.extensions.get("persistedQuery") {
        None | Some(Value::Null) => None,
        Some(extension) => Some(of_extension(extension).ok_or_else(malformed)?),
    };
    match (by_id, by_extension) {
        (Some(id), Some(extension)) if id.hash != extension.hash => Err(other_document()),
        (id, extension) => Ok(id.or(extension)),
    }
}

fn of_extension(extension: &Value) -> Option<Named<'_>> {
    let version = extension.get("version")?.as_u64()?;
    let id = extension.get("sha256Hash")?.as_str()?;
    // Relay's users put an MD5 there, where the manifest has one.
    (version == 1 && !id.is_empty()).then(|| Named { id, hash: hash(id) })
}

fn hash(hex: &str) -> Option<DocumentHash> {
    let mut hash = DocumentHash::default();
    hex::decode_to_slice(hex, &mut hash).ok().map(|()| hash)
}

/// PERSISTED_QUERY_NOT_FOUND, with the text by which Apollo's and urql's clients know that the document is to be sent.
pub(super) fn not_found() -> ApiError {
    let text = "PersistedQueryNotFound";
    ApiError::new(ErrorCode::PersistedQueryNotFound, Message::new(text, text))
}

/// A name beside a document that bears another.
pub(super) fn other_document() -> ApiError {
    ApiError::bad_request(Message::new(
        "文档与其标识（documentId 或 persistedQuery.sha256Hash）不符",
        "The document is not the one that documentId or persistedQuery.sha256Hash names",
    ))
}

/// A document that is not among those that the deployment takes.
pub(super) fn not_trusted() -> ApiError {
    ApiError::new(
        ErrorCode::Forbidden,
        Message::new(
            "本服务只接受已登记的查询文档",
            "Only documents that are registered here are taken",
        ),
    )
}

fn malformed() -> ApiError {
    ApiError::bad_request(Message::new(
        "extensions.persistedQuery 须为 { version: 1, sha256Hash: 文档的 SHA-256（十六进制）}",
        "extensions.persistedQuery must be { version: 1, sha256Hash: the document's SHA-256 in hexadecimal }",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(id: Option<&str>, extension: Value) -> GraphqlRequest {
        let mut request = GraphqlRequest {
            document_id: id.map(str::to_owned),
            ..GraphqlRequest::default()
        };
        request.extensions.insert("persistedQuery".to_owned(), extension);
        request
    }

    #[test]
    fn documents_have_names_of_three_kinds() {
        let hex = "ab".repeat(32);
        let hash = Some([0xAB; 32]);
        let prefixed = format!("sha256:{hex}");
        for (id, expected) in [
            (prefixed.as_str(), hash),
            (hex.as_str(), hash),
            ("9b2d0a", None),
            ("x-relay:9b2d0a", None),
        ] {
            let request = request(Some(id), Value::Null);
            assert_eq!(named(&request).unwrap(), Some(Named { id, hash: expected }));
        }
        let apollo = request(None, json!({ "version": 1, "sha256Hash": hex }));
        assert_eq!(named(&apollo).unwrap(), Some(Named { id: &hex, hash }));
        let both = request(Some(&prefixed), json!({ "version": 1, "sha256Hash": hex }));
        assert_eq!(named(&both).unwrap().unwrap().hash, hash);
        assert_eq!(named(&request(None, Value::Null)).unwrap(), None);
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let hex = "ab".repeat(32);
        for extension in [
            json!(true),
            json!({}),
            json!({ "version": 2, "sha256Hash": hex }),
            json!({ "version": "1", "sha256Hash": hex }),
            json!({ "version": 1, "sha256Hash": "" }),
            json!({ "version": 1, "sha256Hash": 7 }),
        ] {
            let error = named(&request(None, extension.clone())).unwrap_err();
            assert_eq!(error.code(), ErrorCode::BadRequest, "{extension}");
        }
        let other = request(Some("sha256:00"), json!({ "version": 1, "sha256Hash": hex }));
        assert!(named(&other).is_err());
    }
}
