//! Tokens: JWTs (RFC 7519) checked as RFC 8725 asks. The algorithm is fixed by the key, never read from the token.

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};

/// What a token of our own says. Those of others say it in their own words: `principal.rs` reads them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// Opaque subject; never a phone or ID number.
    pub sub: String,
    /// The contract's `Role`.
    pub role: String,
    /// Organization code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Branch code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Source code, of an adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Ends.
    pub exp: i64,
    /// Unique id of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

/// Why a token is not taken. The texts are for the log; callers hear only that it is not valid.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a bad signature, another algorithm or audience.
    #[error("invalid token: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// `iss` is missing, or none of the issuers whose tokens are taken.
    #[error("unknown issuer")]
    UnknownIssuer,
    /// Signed by none of its issuer's keys.
    #[error("unknown key")]
    UnknownKey,
    /// `typ` is not that of an access token (RFC 8725, 3.11; RFC 9068, 4).
    #[error("wrong type of token")]
    WrongType,
    /// The header demands an extension (RFC 7515, 4.1.11), and there is none that we know.
    #[error("header crit: an extension that is not known")]
    Critical,
    /// Over or not begun by our clock.
    #[error("token expired or not valid yet")]
    Expired,
    /// A claim that a role demands is missing or cannot be taken.
    #[error("claim {0}")]
    Claim(&'static str),
    /// The issuer gives a role that the configuration does not let it give.
    #[error("role {0} is not for this issuer to give")]
    RoleNotAllowed(&'static str),
}

/// A public key with the one algorithm it verifies.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    /// Key id, matched against the token's `kid`.
    pub kid: Option<String>,
    /// EdDSA, ES256 or RS256.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// When a token is good: seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// None where the token does not say.
    pub(super) begins: Option<i64>,
    pub(super) ends: i64,
}

impl Times {
    /// Whether a token whose signature is good is good at `now`; clocks may be `leeway` seconds apart, either way.
    pub(super) fn check(self, now: i64, leeway: i64) -> Result<(), TokenError> {
        let over = self.ends.saturating_add(leeway) <= now;
        let early = self
            .begins
            .is_some_and(|begins| begins > now.saturating_add(leeway));
        match over || early {
            true => Err(TokenError::Expired),
            false => Ok(()),
        }
    }
}
