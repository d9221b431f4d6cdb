//! Documents that have passed: parsed, measured and validated once, kept by the SHA-256 of their text.
//!
//! Front-ends send the same few documents for ever; parsing and validating one costs more than answering it. Those that a
//! deployment trusts are kept for good and by the names of its manifests, the others as long as there is room.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_graphql::Name;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::guard::{DocumentFacts, OperationFacts, Scanned};
use super::persisted::Named;
use super::rules::Uses;

/// The SHA-256 of a document's text.
pub type DocumentHash = [u8; 32];

/// The hash a document is kept under.
pub fn hash(document: &str) -> DocumentHash {
    Sha256::digest(document.as_bytes()).into()
}

/// A document that the guard has let pass.
#[derive(Debug)]
pub struct Document {
    /// What it is kept under.
    pub hash: DocumentHash,
    /// The parsed text.
    pub parsed: ExecutableDocument,
    /// What the guard found.
    pub facts: DocumentFacts,
    /// What is made of variables that are left out or null.
    pub(super) uses: Uses,
    /// Whether the deployment has registered it.
    pub is_trusted: bool,
    weight: u64,
}

impl Document {
    pub(super) fn new(
        hash: DocumentHash,
        text: &str,
        scanned: Scanned,
        parsed: ExecutableDocument,
        facts: DocumentFacts,
        uses: Uses,
    ) -> Self {
        // A token of the text is a node of some 160 bytes with its position, names and vectors.
        let weight = text.len() as u64 + scanned.tokens * 160 + uses.weight() + 512;
        Self {
            hash,
            parsed,
            facts,
            uses,
            is_trusted: false,
            weight,
        }
    }

    /// The operation that a request means (GraphQL October 2021, section 6.1, GetOperation).
    pub fn operation(&self, name: Option<&str>) -> Option<(&Arc<OperationFacts>, &OperationDefinition)> {
        let mut operations = self.parsed.operations.iter();
        let (found, operation) = match name {
            Some(name) => operations.find(|(n, _)| n.is_some_and(|n| n.as_str() == name))?,
            None if operations.len() == 1 => operations.next()?,
            None => return None,
        };
        let facts = self.facts.operations.iter().find(|f| f.name.as_ref() == found)?;
        Some((facts, &operation.node))
    }

    /// The name to give to async-graphql for an operation of this document.
    pub(super) fn name_of(&self, facts: &OperationFacts) -> Option<Name> {
        match self.parsed.operations {
            DocumentOperations::Single(_) => None,
            DocumentOperations::Multiple(_) => facts.name.clone(),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<DocumentHash, Arc<Document>> for ByBytes {
    fn weight(&self, _: &DocumentHash, document: &Arc<Document>) -> u64 {
        document.weight
    }
}

/// Documents that a deployment has registered.
#[derive(Debug, Default)]
pub struct Trusted {
    by_id: HashMap<String, Arc<Document>>,
    by_hash: HashMap<DocumentHash, Arc<Document>>,
}

impl Trusted {
    /// Adds a document under a name; false where the name is another document's.
    pub(super) fn add(&mut self, id: String, document: Document) -> bool {
        let document = match self.by_hash.get(&document.hash) {
            Some(known) => known.clone(),
            None => Arc::new(Document {
                is_trusted: true,
                ..document
            }),
        };
        let hash = document.hash;
        self.by_hash.insert(hash, document.clone());
        let before = self.by_id.insert(id, document);
        before.is_none_or(|before| before.hash == hash)
    }

    /// The document of a name.
    pub(super) fn named(&self, named: Named<'_>) -> Option<&Arc<Document>> {
        let by_hash = || self.by_hash.get(&named.hash?);
        self.by_id.get(named.id).or_else(by_hash)
    }

    /// The document of a text.
    pub(super) fn with_hash(&self, hash: &DocumentHash) -> Option<&Arc<Document>> {
        self.by_hash.get(hash)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

/// The kept documents: those that are trusted, and others, bounded by the memory they take.
pub struct Documents {
    trusted: RwLock<Arc<Trusted>>,
    passed: Cache<DocumentHash, Arc<Document>, ByBytes>,
}

/// Bytes that a document takes, about: it sizes the cache's tables, and how many shards it is made of, each of which holds at least 32
/// of this size and nothing that is larger than itself. Documents of front-ends are smaller, but the largest that the guard lets
/// pass has to fit, on a machine of however many processors.
const ESTIMATE: u64 = 32 * 1024;

impl Documents {
    /// `bytes`: how much memory those that are not trusted may take, about.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / ESTIMATE).unwrap_or(usize::MAX).max(16);
        Self {
            trusted: RwLock::default(),
            passed: Cache::with_weighter(items, bytes, ByBytes),
        }
    }

    /// Those that are trusted now.
    pub fn trusted(&self) -> Arc<Trusted> {
        self.trusted
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Trusts these and no others any more.
    pub fn trust(&self, trusted: Trusted) {
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trusted);
    }

    /// How many there are, and the memory that they take, in bytes, about.
    pub fn size(&self) -> (usize, u64) {
        (self.passed.len(), self.passed.weight())
    }

    /// A document that passed before.
    pub fn get(&self, hash: &DocumentHash) -> Option<Arc<Document>> {
        self.passed.get(hash)
    }

    /// Keeps a document that has passed.
    pub fn insert(&self, document: Arc<Document>) {
        self.passed.insert(document.hash, document);
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::super::engine::DocumentOptions;
    use super::super::guard::{self, Limits};
    use super::super::sdl::{SchemaHints, SchemaTypes};
    use super::*;

    fn document(text: &str) -> Arc<Document> {
        let types = SchemaTypes::new("type Query { a: Int }", &SchemaHints::default()).unwrap();
        let limits = Limits {
            repeats: u64::MAX,
            root_fields: u64::MAX,
            ..Limits::default()
        };
        let scanned = guard::scan(text, &limits).unwrap();
        let parsed = parse_query(text).unwrap();
        let facts = guard::measure(&parsed, &types, &limits).unwrap();
        let uses = super::super::rules::check(&parsed, &types, &limits, 0).unwrap();
        Arc::new(Document::new(hash(text), text, scanned, parsed, facts, uses))
    }

    #[test]
    fn the_largest_document_is_kept() {
        let limits = Limits::default();
        let fields = "a ".repeat(limits.tokens as usize - 2);
        let mut text = format!("{{{fields}}}#");
        text += &"x".repeat(limits.document_bytes as usize - text.len());
        let documents = Documents::new(DocumentOptions::default().memory);
        let largest = document(&text);
        // What does not fit into a shard's hot part, 97 of a hundred, is not kept. Machines differ in how many shards they make.
        assert!(
            largest.weight < documents.passed.shard_capacity() / 100 * 97,
            "{}",
            largest.weight
        );
        assert!(documents.passed.shard_capacity() >= 32 * ESTIMATE);
        documents.insert(largest.clone());
        assert!(documents.get(&largest.hash).is_some());
    }

    #[test]
    fn documents_take_no_more_than_they_may() {
        let room = 1024 * 1024;
        let documents = Documents::new(room);
        for n in 0..1_000 {
            let kept = document(&format!("query Q{n} {{ a }} #{}", "x".repeat(10_000)));
            documents.insert(kept.clone());
            assert!(documents.get(&kept.hash).is_some(), "{n}");
            let (count, bytes) = documents.size();
            assert!(bytes <= room, "{count} take {bytes}");
        }
        assert!(documents.size().0 > 50);
    }
}
