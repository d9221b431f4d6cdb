//! Participants as keyed hashes: the one place that sees what a caller sent about a person.
//!
//! References are hashed before a use case gets its input, so none enters the write path, the audit trail or
//! the log.

use std::{collections::BTreeSet, fmt};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

use super::model::{MAX_PARTICIPANTS, MAX_REFERENCE, TrainingError};

/// The key under which participants are hashed; a deployment's secret, kept outside the database. Under another
/// key a person counts as another one.
#[derive(Clone)]
pub struct ParticipantKey(Hmac<Sha256>);

/// A key too short to keep references from being guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of participants has {0} bytes, at least 32 are needed")]
pub struct ShortKey(pub usize);

/// HMAC-SHA256 of a reference (RFC 2104).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Participant([u8; 32]);

/// The participants of a training, each once; or what is wrong with the references, which are named by their
/// places and never repeated.
pub type Participants = Result<BTreeSet<Participant>, Vec<TrainingError>>;

/// How many faulty references a refusal names.
const NAMED_FAULTS: usize = 100;

impl ParticipantKey {
    /// A key of at least 32 bytes, the length of the hash.
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        if key.len() < 32 {
            return Err(ShortKey(key.len()));
        }
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| ShortKey(key.len()))
    }

    /// The hash of a reference in its compatibility form (NFKC) without white space around it; None where it is
    /// empty or longer than 200 characters.
    pub fn hash(&self, reference: &str) -> Option<Participant> {
        let plain: String = reference.nfkc().collect();
        let plain = plain.trim();
        if plain.is_empty() || plain.chars().count() > MAX_REFERENCE {
            return None;
        }
        let mut mac = self.0.clone();
        mac.update(plain.as_bytes());
        Some(Participant(mac.finalize().into_bytes().into()))
    }

    /// The hashes of the references of a training.
    pub fn hash_all(&self, references: &[String]) -> Participants {
        if references.is_empty() {
            return Err(vec![TrainingError::NobodyCame]);
        }
        if references.len() > MAX_PARTICIPANTS {
            return Err(vec![TrainingError::TooManyParticipants(references.len())]);
        }
        let mut participants = BTreeSet::new();
        let mut faults = Vec::new();
        for (place, reference) in references.iter().enumerate() {
            match self.hash(reference) {
                Some(participant) => {
                    participants.insert(participant);
                }
                None => faults.push(TrainingError::Reference(place)),
            }
        }
        if faults.is_empty() {
            Ok(participants)
        } else {
            faults.truncate(NAMED_FAULTS);
            Err(faults)
        }
    }
}

impl Participant {
    /// The hash, to be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ParticipantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParticipantKey([redacted])")
    }
}

// A hash stands for a person too: not even that gets into a log.
impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Participant([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ParticipantKey {
        ParticipantKey::new(&[byte; 32]).unwrap()
    }

    fn references<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_hash_is_that_of_rfc_4231() {
        // Test case 6 of RFC 4231: a key longer than the hash's block.
        let key = ParticipantKey::new(&[0xaa; 131]).unwrap();
        let participant = key
            .hash("Test Using Larger Than Block-Size Key - Hash Key First")
            .unwrap();
        assert_eq!(
            hex::encode(participant.as_bytes()),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn spellings_of_one_reference_are_one_person_and_keys_tell_nothing_of_each_other() {
        let hashes = key(1)
            .hash_all(&references(["A-17", " A-17\u{3000}", "Ａ－１７", "A-18"]))
            .unwrap();
        assert_eq!(hashes.len(), 2);
        assert_ne!(key(1).hash("A-17"), key(2).hash("A-17"));
    }

    #[test]
    fn references_are_bounded_and_faults_name_places_only() {
        assert_eq!(key(1).hash_all(&[]), Err(vec![TrainingError::NobodyCame]));
        let long = "x".repeat(201);
        assert_eq!(
            key(1).hash_all(&references(["a", " \u{3000}", "b", &long])),
            Err(vec![TrainingError::Reference(1), TrainingError::Reference(3)])
        );
        assert!(key(1).hash(&"党".repeat(200)).is_some());
        let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
        assert_eq!(
            key(1).hash_all(&many),
            Err(vec![TrainingError::TooManyParticipants(10_001)])
        );
        assert_eq!(key(1).hash_all(&many[1..]).unwrap().len(), 10_000);
    }

    #[test]
    fn neither_key_nor_hash_is_shown() {
        assert_eq!(ParticipantKey::new(&[7; 31]).unwrap_err(), ShortKey(31));
        let shown = format!("{:?} {:?}", key(7), key(7).hash("A-17"));
        assert_eq!(shown, "ParticipantKey([redacted]) Some(Participant([redacted]))");
    }
}
