//! Key sets (JWKS, RFC 7517): which of a set's keys are taken, and for which one algorithm.

mod fetch;
mod source;

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{
        AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse, ThumbprintHash,
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::token::VerifyingKey;

pub use fetch::FetchFault;
pub use source::{JwksSource, JwksTimes, KeysUnavailable};

/// Keys of a set at most: providers have two or three, and each may be tried on a token without a `kid`.
pub const MOST_KEYS: usize = 64;

/// Bits of an RSA key: what RFC 7518, 3.3 demands, and what the library takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Bytes of an RSA key's exponent; 65537, which all have, takes three.
const RSA_EXPONENT_BYTES: usize = 5;

/// A key of a set.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// The key.
    pub key: VerifyingKey,
    /// Its thumbprint (RFC 7638, SHA-256): the same key under another name has the same.
    pub thumbprint: Arc<str>,
}

/// What a set holds.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// What can be used. Two of one name are both there, and both tried.
    pub keys: Vec<ListedKey>,
    /// How many are passed over, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    ///
    /// What is no JSON object with a list `keys` (RFC 7517, 5), has more than [`MOST_KEYS`], or none that can be used. A key
    /// that cannot be used, among others that can, is passed over, as RFC 7517 asks.
    pub fn read(text: &[u8]) -> Result<Self, FetchFault> {
        let document: Document = serde_json::from_slice(text).map_err(|_| FetchFault::NotASet)?;
        if document.keys.len() > MOST_KEYS {
            return Err(FetchFault::TooManyKeys);
        }
        let mut set = Self::default();
        for value in document.keys {
            match usable(value) {
                Ok(key) => set.keys.push(key),
                Err(reason) => *set.skipped.entry(reason).or_default() += 1,
            }
        }
        match set.keys.is_empty() {
            true => Err(FetchFault::NoUsableKey),
            false => Ok(set),
        }
    }
}

/// A key, or why it is passed over.
fn usable(value: Value) -> Result<ListedKey, &'static str> {
    if value.get("d").is_some() || value.get("k").is_some() {
        return Err("holds a secret: whoever reads the set can sign");
    }
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "of another kind")?;
    // What a key is for comes before what it is: one that encrypts may be as short as it likes.
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|of| *of != PublicKeyUse::Signature)
    {
        return Err("not for signatures (use)");
    }
    let operations = jwk.common.key_operations.as_ref();
    if operations.is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
        return Err("not to verify (key_ops)");
    }
    let (algorithm, key) = of_kind(&jwk.algorithm)?;
    if jwk
        .common
        .key_algorithm
        .is_some_and(|alg| alg != KeyAlgorithm::from(algorithm))
    {
        return Err("of another algorithm (alg)");
    }
    let thumbprint = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|_| "of another kind")?;
    Ok(ListedKey {
        key: VerifyingKey {
            kid: jwk.common.key_id,
            algorithm,
            key,
        },
        thumbprint: thumbprint.into(),
    })
}

/// The algorithm that a kind of key is for here, whatever the set says of it.
fn of_kind(parameters: &AlgorithmParameters) -> Result<(Algorithm, DecodingKey), &'static str> {
    match parameters {
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            let point = bytes(&okp.x)?;
            ParsedPublicKey::new(&ED25519, &point).map_err(|_| "broken")?;
            Ok((Algorithm::EdDSA, DecodingKey::from_ed_der(&point)))
        }
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            // Uncompressed (SEC 1, 2.3.3).
            let point = [vec![4], bytes(&ec.x)?, bytes(&ec.y)?].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(|_| "broken")?;
            Ok((Algorithm::ES256, DecodingKey::from_ec_der(&point)))
        }
        AlgorithmParameters::RSA(rsa) => {
            let (modulus, exponent) = (bytes(&rsa.n)?, bytes(&rsa.e)?);
            let (modulus, exponent) = (trimmed(&modulus), trimmed(&exponent));
            if !RSA_BITS.contains(&bits(modulus)) {
                return Err("RSA with less than 2048 bits, or more than 8192");
            }
            let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
            let exponents = 2..=RSA_EXPONENT_BYTES * 8;
            if !exponents.contains(&bits(exponent)) || !is_odd(exponent) || !is_odd(modulus) {
                return Err("broken");
            }
            Ok((
                Algorithm::RS256,
                DecodingKey::from_rsa_raw_components(modulus, exponent),
            ))
        }
        _ => Err("of another kind"),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "broken")
}

/// Without the zeros that some put before a number (RFC 7518, 6.3.1.1 forbids it).
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(first as usize)
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
