//! The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header), as the edge reads it and
//! mutations find it: the mutation runs under the key and says here how that went.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_graphql::Value;
use async_graphql::parser::types::OperationType;
use sha2::{Digest, Sha256};

use super::documents::DocumentHash;
use super::error::ApiError;
use super::guard::OperationFacts;
use super::request::GraphqlRequest;
use crate::kernel::message::Message;

/// The longest key taken, in characters.
const MAX_KEY: usize = 255;

/// What the key met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Replay {
    /// Nothing: the mutation ran, or has not yet.
    Fresh,
    /// The outcome of an earlier request.
    Replayed,
    /// The first request, still running.
    InFlight,
    /// An earlier request with another body.
    OtherBody,
}

/// In the data of a request that came with a key, as `Arc<Idempotency>`.
#[derive(Debug)]
pub struct Idempotency {
    key: String,
    body_hash: [u8; 32],
    replay: AtomicU8,
}

impl Idempotency {
    /// The key of a request, from the header or from `extensions.idempotencyKey`; none where neither is.
    ///
    /// # Errors
    ///
    /// BAD_REQUEST for a key that is no key, for two different ones, and for a document that is not exactly
    /// one mutation: an outcome is kept for one.
    pub fn of(
        header: Option<&[u8]>,
        request: &GraphqlRequest,
        document: &DocumentHash,
        operation: &OperationFacts,
    ) -> Result<Option<Arc<Self>>, ApiError> {
        let header = header.map(|h| from_header(h).ok_or_else(malformed)).transpose()?;
        let extension = match request.extensions.get("idempotencyKey") {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(key)) if is_key(key) => Some(key.clone()),
            Some(_) => return Err(malformed()),
        };
        let key = match (header, extension) {
            (Some(header), Some(extension)) if header != extension => {
                return Err(ApiError::bad_request(Message::new(
                    "Idempotency-Key 请求头与 extensions.idempotencyKey 不一致",
                    "The Idempotency-Key header and extensions.idempotencyKey differ",
                )));
            }
            (header, extension) => header.or(extension),
        };
        let Some(key) = key else { return Ok(None) };
        if operation.kind != OperationType::Mutation || operation.root_fields != 1 {
            return Err(ApiError::bad_request(Message::new(
                "带幂等键的请求必须恰好包含一个变更根字段",
                "A request with an idempotency key must have exactly one mutation root field",
            )));
        }
        Ok(Some(Arc::new(Self {
            key,
            body_hash: body_hash(document, request),
            replay: AtomicU8::new(Replay::Fresh as u8),
        })))
    }

    /// The key as it was sent.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// SHA-256 of document, operation name and variables, whatever the order of their keys.
    pub fn body_hash(&self) -> &[u8; 32] {
        &self.body_hash
    }

    /// Says what the key met; the transport answers accordingly.
    pub fn report(&self, replay: Replay) {
        self.replay.store(replay as u8, Ordering::Release);
    }

    /// What the key met.
    pub fn replay(&self) -> Replay {
        match self.replay.load(Ordering::Acquire) {
            1 => Replay::Replayed,
            2 => Replay::InFlight,
            3 => Replay::OtherBody,
            _ => Replay::Fresh,
        }
    }
}

fn malformed() -> ApiError {
    ApiError::bad_request(Message::new(
        format!("Idempotency-Key 必须是 1 至 {MAX_KEY} 个可见 ASCII 字符"),
        format!("Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters"),
    ))
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

/// A structured-field string (RFC 8941 section 3.3.3), or a bare token as most clients send it.
fn from_header(value: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let Some(quoted) = value.strip_prefix('"') else {
        return (is_key(value) && !value.contains(['"', ','])).then(|| value.to_owned());
    };
    let quoted = quoted.strip_suffix('"')?;
    let mut key = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => key.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c => key.push(c),
        }
    }
    is_key(&key).then_some(key)
}

fn body_hash(document: &DocumentHash, request: &GraphqlRequest) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &[u8]| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    // Not its text: the same document may be sent once and named the next time.
    part(document);
    part(request.operation_name.as_deref().unwrap_or_default().as_bytes());
    let mut variables = String::from("{");
    for (name, value) in request.variables.iter() {
        quote(name, &mut variables);
        canonical(value, &mut variables);
    }
    part(variables.as_bytes());
    hash.finalize().into()
}

/// One text a value, however its objects were ordered.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::List(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (name, value) in fields {
                quote(name, out);
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::String(text) => quote(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&text.len().to_string());
    out.push('"');
    out.push_str(text);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(variables: serde_json::Value) -> GraphqlRequest {
        GraphqlRequest {
            query: "mutation { award { id } }".to_owned(),
            variables: async_graphql::Variables::from_json(variables),
            ..GraphqlRequest::default()
        }
    }

    fn one_mutation() -> OperationFacts {
        OperationFacts {
            name: None,
            kind: OperationType::Mutation,
            root_fields: 1,
            introspects: false,
            cost: 1,
            cost_varies: false,
            reads: crate::graphql::reads::Reads::default(),
            branch: None,
            subscribes_to: None,
        }
    }

    #[test]
    fn keys_are_strings_of_the_structured_field_kind_or_bare() {
        for (header, key) in [
            (
                "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
                Some("8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ),
            ("8e03978e", Some("8e03978e")),
            ("  \"a\\\"b\\\\c\" ", Some("a\"b\\c")),
            ("", None),
            ("\"\"", None),
            ("\"a", None),
            ("\"a\\n\"", None),
            ("\"a\"b\"", None),
            ("a b", None),
            ("键", None),
            (&"x".repeat(255), Some(&*"x".repeat(255))),
            (&"x".repeat(256), None),
        ] {
            assert_eq!(from_header(header.as_bytes()).as_deref(), key, "{header}");
        }
    }

    #[test]
    fn the_body_is_the_same_whatever_the_order_of_its_keys() {
        let hash = |v| body_hash(&[7; 32], &request(v));
        let one = hash(json!({ "input": { "a": 1, "b": [1, { "x": "1", "y": null }] } }));
        assert_eq!(
            one,
            hash(json!({ "input": { "b": [1, { "y": null, "x": "1" }], "a": 1 } }))
        );
        let other_document = body_hash(
            &[8; 32],
            &request(json!({ "input": { "a": 1, "b": [1, { "x": "1", "y": null }] } })),
        );
        assert_ne!(one, other_document);
        for other in [
            json!({ "input": { "a": 1, "b": [1, { "x": 1, "y": null }] } }),
            json!({ "input": { "a": 1, "b": [{ "x": "1", "y": null }, 1] } }),
            json!({ "input": { "a": 1, "b": [1, { "x": "1" }] } }),
            json!({}),
        ] {
            assert_ne!(one, hash(other));
        }
    }

    #[test]
    fn a_key_goes_with_exactly_one_mutation() {
        let request = request(json!({}));
        let of = |facts: &OperationFacts| Idempotency::of(Some(b"k"), &request, &[7; 32], facts);
        assert_eq!(of(&one_mutation()).unwrap().unwrap().key(), "k");
        let two = OperationFacts {
            root_fields: 2,
            ..one_mutation()
        };
        let query = OperationFacts {
            kind: OperationType::Query,
            ..one_mutation()
        };
        assert!(of(&two).is_err());
        assert!(of(&query).is_err());
        assert!(
            Idempotency::of(None, &request, &[7; 32], &query)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn the_key_may_come_in_extensions() {
        let mut request = request(json!({}));
        request.extensions.insert("idempotencyKey".to_owned(), json!("k"));
        let of =
            |header: Option<&[u8]>, r: &GraphqlRequest| Idempotency::of(header, r, &[7; 32], &one_mutation());
        assert_eq!(of(None, &request).unwrap().unwrap().key(), "k");
        assert!(of(Some(b"\"k\""), &request).is_ok());
        assert!(of(Some(b"other"), &request).is_err());
        request.extensions.insert("idempotencyKey".to_owned(), json!(7));
        assert!(of(None, &request).is_err());
    }
}
