//! The keys of tokens: the one that signs development tokens, and public ones from PEM files.
//!
//! A key fixes its algorithm (RFC 8725 section 3.1): Ed25519 is EdDSA, P-256 is ES256, RSA is RS256.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::PublicEncryptingKey,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, VerificationAlgorithm,
    },
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use pem::{EncodeConfig, LineEnding, Pem};
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::{
    secret_file,
    token::{Claims, VerifyingKey},
};

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
/// Hex digits of a key id: 64 bits tell the few keys of a deployment apart.
const KID_DIGITS: usize = 16;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Not a key in PEM (RFC 7468).
    #[error("no key in PEM")]
    NotPem,
    /// A private key where a public one belongs.
    #[error("a private key; only the public one belongs here")]
    Private,
    /// Another kind of PEM than the one that belongs here.
    #[error("{found} where {expected} belongs")]
    Label {
        /// What stands there.
        found: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// None of the three kinds, or a broken one.
    #[error("neither Ed25519, P-256 nor RSA with 2048 bits or more")]
    Unsupported,
    /// The token library refused to sign.
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// An Ed25519 key that signs tokens (EdDSA, RFC 8037).
#[derive(Debug)]
pub struct SigningKey {
    pair: Ed25519KeyPair,
    encoding: EncodingKey,
    /// SubjectPublicKeyInfo, as it stands in a public key's PEM.
    public: Vec<u8>,
}

impl SigningKey {
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Unsupported)?;
        Self::from_pair(pair)
    }

    /// The key in `file`; made there first, readable by its owner only,
    /// if the file does not exist.
    pub fn load_or_create(file: &Path, rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        match Self::load(file) {
            Err(KeyError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        let key = Self::generate(rng)?;
        match key.create(file) {
            Ok(()) => Ok(key),
            // Another process made one in the meantime: that one counts.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Self::load(file),
            Err(cause) => Err(file_error(file, cause)),
        }
    }

    /// The key in `file`, PKCS #8 in PEM.
    pub fn load(file: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(file).map_err(|cause| file_error(file, cause))?;
        Self::from_pem(&text)
    }

    /// The key of a PKCS #8 PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|_| KeyError::NotPem)?;
        if pem.tag() != PRIVATE {
            return Err(label(&pem, PRIVATE));
        }
        let pair = Ed25519KeyPair::from_pkcs8(pem.contents()).map_err(|_| KeyError::Unsupported)?;
        Self::from_pair(pair)
    }

    fn from_pair(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Unsupported)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyError::Unsupported)?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public: public.as_ref().to_vec(),
            pair,
        })
    }

    /// Fails where `file` exists.
    fn create(&self, file: &Path) -> io::Result<()> {
        let pkcs8 = self.pair.to_pkcs8v1().map_err(io::Error::other)?;
        secret_file::create(file, to_pem(PRIVATE, pkcs8.as_ref()).as_bytes())
    }

    /// The key's id: the first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo.
    pub fn kid(&self) -> String {
        kid(&self.public)
    }

    /// The public key in PEM, to hand to whoever checks these tokens.
    pub fn public_key_pem(&self) -> String {
        to_pem(PUBLIC, &self.public)
    }

    /// The key that checks what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey {
            kid: Some(self.kid()),
            algorithm: Algorithm::EdDSA,
            key: DecodingKey::from_ed_der(self.pair.public_key().as_ref()),
        }
    }

    /// Signs claims: a JWT with `typ` "JWT" and this key's `kid`.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid());
        Ok(jsonwebtoken::encode(&header, claims, &self.encoding)?)
    }
}

impl VerifyingKey {
    /// The public key in a PEM file; its algorithm is that of its kind.
    pub fn load(file: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(file).map_err(|cause| file_error(file, cause))?;
        Self::from_pem(&text)
    }

    /// The public key of a PEM (SubjectPublicKeyInfo, "BEGIN PUBLIC KEY").
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|_| KeyError::NotPem)?;
        if pem.tag() != PUBLIC {
            return Err(label(&pem, PUBLIC));
        }
        let der = pem.contents();
        let is = |algorithm: &'static dyn VerificationAlgorithm| ParsedPublicKey::new(algorithm, der).is_ok();
        let (algorithm, key) = if is(&ED25519) {
            (Algorithm::EdDSA, DecodingKey::from_ed_pem(text.as_bytes()))
        } else if is(&ECDSA_P256_SHA256_FIXED) {
            (Algorithm::ES256, DecodingKey::from_ec_pem(text.as_bytes()))
        } else if is_rsa(der) {
            (Algorithm::RS256, DecodingKey::from_rsa_pem(text.as_bytes()))
        } else {
            return Err(KeyError::Unsupported);
        };
        Ok(Self {
            // An outside issuer names its keys as it likes, so its `kid` cannot be told from the key.
            kid: None,
            algorithm,
            key: key.map_err(|_| KeyError::Unsupported)?,
        })
    }
}

/// An RSA key long enough (RFC 7518 section 3.3); the library would take a shorter one here and refuse its
/// every signature later.
fn is_rsa(der: &[u8]) -> bool {
    PublicEncryptingKey::from_der(der).is_ok_and(|key| (2048..=8192).contains(&key.key_size_bits()))
}

fn kid(public: &[u8]) -> String {
    let mut id = hex::encode(Sha256::digest(public));
    id.truncate(KID_DIGITS);
    id
}

fn to_pem(label: &str, der: &[u8]) -> String {
    pem::encode_config(
        &Pem::new(label, der),
        EncodeConfig::new().set_line_ending(LineEnding::LF),
    )
}

fn label(pem: &Pem, expected: &'static str) -> KeyError {
    match pem.tag() {
        tag if expected == PUBLIC && tag.ends_with(PRIVATE) => KeyError::Private,
        tag => KeyError::Label {
            found: tag.to_owned(),
            expected,
        },
    }
}

fn file_error(path: &Path, cause: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
