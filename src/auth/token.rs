//! Tokens: JWTs (RFC 7519) checked as RFC 8725 asks. The algorithm is fixed by the key, never read from the token.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};

use super::requester::Role;

/// What a token says.
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
    /// Not a JWT, a bad signature, another algorithm, issuer or audience.
    #[error("invalid token: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// Signed by a key that is not ours.
    #[error("unknown key")]
    UnknownKey,
    /// `typ` is not that of an access token.
    #[error("wrong type of token")]
    WrongType,
    /// Over or not begun by our clock.
    #[error("token expired or not valid yet")]
    Expired,
    /// A claim that a role demands is missing or cannot be taken.
    #[error("claim {0}")]
    Claim(&'static str),
}

/// A public key with the one algorithm it verifies.
#[derive(Clone)]
pub struct VerifyingKey {
    /// Key id, matched against the token's `kid`.
    pub kid: Option<String>,
    /// EdDSA, ES256 or RS256.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// The keys that a deployment trusts, and what their tokens must say.
#[derive(Clone)]
pub struct Keys {
    keys: Vec<VerifyingKey>,
    issuer: String,
    audience: String,
    leeway_seconds: i64,
}

/// Longest token that is looked at: a few claims and an RSA signature fit four times over.
const MAX_TOKEN: usize = 8 * 1024;

impl Keys {
    /// Keys and the issuer and audience their tokens must name; `leeway_seconds` is the clock skew allowed.
    pub fn new(keys: Vec<VerifyingKey>, issuer: &str, audience: &str, leeway_seconds: i64) -> Self {
        Self {
            keys,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            leeway_seconds,
        }
    }

    /// Checks a token at an instant (seconds since 1970).
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Claim("too long"));
        }
        let header = decode_header(token)?;
        if !matches!(header.typ.as_deref(), Some("JWT" | "at+jwt")) {
            return Err(TokenError::WrongType);
        }
        let candidates = self.keys.iter().filter(|key| match (&header.kid, &key.kid) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        });
        let mut failure = TokenError::UnknownKey;
        for key in candidates {
            match decode::<Claims>(token, &key.key, &self.validation(key.algorithm)) {
                Ok(data) => return self.check_times(data.claims.times(), now).map(|()| data.claims),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "nbf", "sub"]);
        // By our own clock, below: the library asks the operating system's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    /// Seconds that a token is taken for beyond its end, for clocks that differ.
    pub(super) fn leeway_seconds(&self) -> i64 {
        self.leeway_seconds
    }

    /// Whether a token whose signature is good is good now.
    pub(super) fn check_times(&self, times: Times, now: i64) -> Result<(), TokenError> {
        match times.ends.saturating_add(self.leeway_seconds) <= now
            || times.begins > now + self.leeway_seconds
        {
            true => Err(TokenError::Expired),
            false => Ok(()),
        }
    }
}

/// When a token is good: seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    begins: i64,
    ends: i64,
}

impl Claims {
    pub(super) fn times(&self) -> Times {
        Times {
            begins: self.nbf,
            ends: self.exp,
        }
    }

    /// The role, with the claims it demands.
    pub fn role(&self) -> Result<Role, TokenError> {
        let role = Role::parse(&self.role).ok_or(TokenError::Claim("role"))?;
        let complete = match role {
            Role::CommitteeOfficer => self.org.is_some(),
            Role::BranchOfficer => self.branch.is_some(),
            Role::Adapter => self.source.is_some(),
            // An examiner without a branch may sign in; it is refused where it would examine.
            Role::DistrictAdmin | Role::Examiner | Role::Viewer => true,
        };
        if complete {
            Ok(role)
        } else {
            Err(TokenError::Claim("org, branch or source missing for the role"))
        }
    }
}
