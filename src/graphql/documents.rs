//! Documents that have passed: parsed, measured and validated once, kept by the SHA-256 of their text.
//!
//! Front-ends send the same few documents for ever; parsing and validating one costs more than answering it.

use std::sync::Arc;

use async_graphql::Name;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::guard::{DocumentFacts, OperationFacts, Scanned};

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
    weight: u64,
}

impl Document {
    pub(super) fn new(
        hash: DocumentHash,
        text: &str,
        scanned: Scanned,
        parsed: ExecutableDocument,
        facts: DocumentFacts,
    ) -> Self {
        // A token of the text is a node of some 160 bytes with its position, names and vectors.
        let weight = text.len() as u64 + scanned.tokens * 160 + 512;
        Self {
            hash,
            parsed,
            facts,
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

/// The kept documents, bounded by the memory they take.
pub struct Documents(Cache<DocumentHash, Arc<Document>, ByBytes>);

impl Documents {
    /// `bytes`: how much memory they may take, about.
    pub fn new(bytes: u64) -> Self {
        // The estimate sizes the cache's tables; documents of front-ends are about 8 KiB in memory.
        let items = usize::try_from(bytes / 8192).unwrap_or(usize::MAX).max(16);
        Self(Cache::with_weighter(items, bytes, ByBytes))
    }

    /// How many there are, and the memory that they take, in bytes, about.
    pub fn size(&self) -> (usize, u64) {
        (self.0.len(), self.0.weight())
    }

    /// A document that passed before.
    pub fn get(&self, hash: &DocumentHash) -> Option<Arc<Document>> {
        self.0.get(hash)
    }

    /// Keeps a document that has passed validation.
    pub fn insert(&self, document: Arc<Document>) {
        self.0.insert(document.hash, document);
    }
}
