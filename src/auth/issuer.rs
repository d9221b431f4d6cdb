//! Whose tokens are taken: issuers, each with its own keys, words and limits.
//!
//! A token's issuer is told by its `iss`, which nobody has vouched for yet; then only that issuer's keys are tried, so
//! that a key of one never vouches for another's tokens.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use jsonwebtoken::{
    Header, Validation,
    dangerous::insecure_decode_claims,
    decode, decode_header,
    errors::{Error as JwtError, ErrorKind},
};
use serde::Deserialize;
use tokio::sync::watch;

use super::{
    authenticator::AuthError,
    is_opaque_subject,
    jwks::JwksSource,
    principal::{ClaimPlaces, ClaimSet, Principal, RoleRules},
    token::{Times, TokenError, VerifyingKey},
};

/// Longest token that is looked at: a few claims and an RSA signature fit four times over.
const MAX_TOKEN: usize = 8 * 1024;

/// What stands between an issuer's name and a subject of its own. Names of issuers do not have it.
const SEPARATOR: char = ':';

/// What the tokens of an issuer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// What its subjects begin with here; None of the deployment's first issuer, whose subjects stay as they are.
    pub name: Option<String>,
    /// `iss`.
    pub issuer: String,
    /// What `aud` must be, or hold.
    pub audience: String,
    /// The `typ` that are taken, in lower case and without `application/`.
    pub types: Vec<String>,
    /// Where its claims stand.
    pub claims: ClaimPlaces,
    /// Its roles.
    pub roles: RoleRules,
}

impl IssuerSettings {
    /// The `typ` of access tokens that are taken unless the configuration says otherwise: RFC 7519, 5.1, and RFC 9068, 4.
    pub const TYPES: [&'static str; 2] = ["jwt", "at+jwt"];

    /// The deployment's first issuer.
    pub fn first(issuer: &str, audience: &str) -> Self {
        Self {
            name: None,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            types: Self::TYPES.map(str::to_owned).to_vec(),
            claims: ClaimPlaces::default(),
            roles: RoleRules::default(),
        }
    }
}

/// A media type as `typ` shortens it (RFC 7515, 4.1.9), in lower case.
pub fn short_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

/// An issuer with its keys.
pub struct Issuer {
    settings: IssuerSettings,
    /// From files: they are there as long as the process.
    fixed: Vec<VerifyingKey>,
    /// From a URL.
    listed: Option<Arc<JwksSource>>,
}

impl Issuer {
    /// `fixed`: keys from files; `listed`: those of a URL.
    pub fn new(settings: IssuerSettings, fixed: Vec<VerifyingKey>, listed: Option<Arc<JwksSource>>) -> Self {
        Self {
            settings,
            fixed,
            listed,
        }
    }
}

/// A token that is taken.
#[derive(Debug)]
pub struct Verified {
    /// Who it is about.
    pub principal: Principal,
    pub(super) times: Times,
    pub(super) vouched: Vouched,
}

impl Verified {
    /// When it ends, in seconds since 1970; it is taken for the leeway longer.
    pub fn ends(&self) -> i64 {
        self.times.ends
    }
}

/// Which key a token was signed with.
#[derive(Clone, Debug)]
pub(super) struct Vouched {
    /// The issuer's place among all.
    issuer: usize,
    /// The key's thumbprint (RFC 7638); None of a key from a file.
    key: Option<Arc<str>>,
}

/// The issuers that a deployment trusts.
pub struct Keys {
    issuers: Vec<Issuer>,
    leeway_seconds: i64,
}

/// Of a token as long as nobody has vouched for it.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// Why an issuer does not take a token with the keys that it has.
struct Refused {
    error: TokenError,
    /// Whether other keys could change it.
    may_be_new_key: bool,
}

impl Keys {
    /// One issuer that speaks our own claims; `leeway_seconds` is the clock skew allowed, either way.
    pub fn new(keys: Vec<VerifyingKey>, issuer: &str, audience: &str, leeway_seconds: i64) -> Self {
        let first = Issuer::new(IssuerSettings::first(issuer, audience), keys, None);
        Self::of(vec![first], leeway_seconds)
    }

    /// Several issuers; no two may have the same `iss` or the same name.
    pub fn of(issuers: Vec<Issuer>, leeway_seconds: i64) -> Self {
        Self {
            issuers,
            leeway_seconds,
        }
    }

    /// Checks a token at an instant. Waits, for a time, for its issuer's keys where it is signed by one not seen before.
    ///
    /// # Errors
    ///
    /// [`AuthError::Token`] where it is not taken, [`AuthError::Keys`] where that cannot be told: its issuer's keys are
    /// out of reach.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Claim("too long").into());
        }
        let header = decode_header(token).map_err(TokenError::from)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical.into());
        }
        let unverified: Unverified = insecure_decode_claims(token).map_err(|_| TokenError::UnknownIssuer)?;
        let named = |issuer: &Issuer| issuer.settings.issuer == unverified.iss;
        let (place, issuer) = self
            .issuers
            .iter()
            .enumerate()
            .find(|(_, issuer)| named(issuer))
            .ok_or(TokenError::UnknownIssuer)?;
        let (claims, key) = issuer.claims(token, &header, now).await?;
        let times = Times::read(&claims)?;
        times.check(now.timestamp(), self.leeway_seconds)?;
        Ok(Verified {
            principal: self.principal(issuer, &claims)?,
            times,
            vouched: Vouched { issuer: place, key },
        })
    }

    /// Subjects of two issuers are two persons, whatever they are called: each but the first's has its issuer's name before
    /// it, and the first may not call one of its own so.
    fn principal(&self, issuer: &Issuer, claims: &ClaimSet) -> Result<Principal, TokenError> {
        let mut principal = Principal::read(claims, &issuer.settings.claims, &issuer.settings.roles)?;
        match &issuer.settings.name {
            Some(_) if principal.subject.is_empty() => return Err(TokenError::Claim("sub is empty")),
            Some(name) => principal.subject = format!("{name}{SEPARATOR}{}", principal.subject),
            None => {
                let begins = principal.subject.split_once(SEPARATOR).map(|(name, _)| name);
                let taken = |other: &Issuer| other.settings.name.as_deref() == begins;
                if begins.is_some() && self.issuers.iter().any(taken) {
                    return Err(TokenError::Claim("sub begins with another issuer's name"));
                }
            }
        }
        match is_opaque_subject(&principal.subject) {
            true => Ok(principal),
            false => Err(TokenError::Claim("sub is not opaque, or too long")),
        }
    }

    /// Whether the key of a token that was taken is one of its issuer's still.
    pub(super) fn vouches(&self, vouched: &Vouched, now: DateTime<Utc>) -> bool {
        let Some(key) = &vouched.key else {
            return true;
        };
        let issuer = self.issuers.get(vouched.issuer);
        let listed = issuer.and_then(|issuer| issuer.listed.as_ref());
        let keys = listed.and_then(|source| source.keys(now));
        keys.is_some_and(|keys| keys.iter().any(|listed| listed.thumbprint == *key))
    }

    /// Seconds that a token is taken for beyond its end, for clocks that differ.
    pub(super) fn leeway_seconds(&self) -> i64 {
        self.leeway_seconds
    }

    /// Keeps the keys of URLs fresh until `stop` turns true; begins at once.
    pub async fn follow(&self, stop: watch::Receiver<bool>) {
        let listed = self.issuers.iter().filter_map(|issuer| issuer.listed.as_ref());
        join_all(listed.map(|source| source.follow(stop.clone()))).await;
    }

    /// Asks once for the keys of URLs that are due, and waits for the answers.
    pub async fn refresh_due(&self) {
        let listed = self.issuers.iter().filter_map(|issuer| issuer.listed.as_ref());
        join_all(listed.map(|source| source.refresh_if_due())).await;
    }
}

impl Issuer {
    /// The claims of a token, and the thumbprint of the key of a URL that signed it.
    async fn claims(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<(ClaimSet, Option<Arc<str>>), AuthError> {
        let typ = header.typ.as_deref().map(short_type);
        if !typ.is_some_and(|typ| self.settings.types.contains(&typ)) {
            return Err(TokenError::WrongType.into());
        }
        let refused = match self.try_keys(token, header, now) {
            Ok(found) => return Ok(found),
            Err(refused) => refused,
        };
        let Some(source) = self.listed.as_ref().filter(|_| refused.may_be_new_key) else {
            return Err(refused.error.into());
        };
        source.ask_for_new_keys(now).await;
        self.try_keys(token, header, now).map_err(|refused| {
            match refused.may_be_new_key && source.keys(now).is_none() {
                // The caller may be right, and cannot know.
                true => AuthError::Keys(source.unavailable()),
                false => refused.error.into(),
            }
        })
    }

    fn try_keys(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<(ClaimSet, Option<Arc<str>>), Refused> {
        let listed = self.listed.as_ref().and_then(|source| source.keys(now));
        let listed = listed.as_deref().unwrap_or_default();
        let fixed = self.fixed.iter().map(|key| (key, None));
        let listed = listed.iter().map(|key| (&key.key, Some(&key.thumbprint)));
        let mut refused = Refused {
            error: TokenError::UnknownKey,
            may_be_new_key: true,
        };
        for (key, thumbprint) in fixed.chain(listed) {
            let is_named = match (&header.kid, &key.kid) {
                (Some(theirs), Some(ours)) if theirs == ours => true,
                (Some(_), Some(_)) => continue,
                _ => false,
            };
            match decode::<ClaimSet>(token, &key.key, &self.validation(key)) {
                Ok(data) => return self.of_this(data.claims, thumbprint.cloned()),
                Err(error) => {
                    // A key by that name is no new one, and what its key has signed is refused for what it says.
                    refused.may_be_new_key &= !is_named && is_of_key(&error);
                    refused.error = error.into();
                }
            }
        }
        Err(refused)
    }

    /// That the `iss` which chose the issuer is the one that was signed, and one text: a list may hold many.
    fn of_this(
        &self,
        claims: ClaimSet,
        key: Option<Arc<str>>,
    ) -> Result<(ClaimSet, Option<Arc<str>>), Refused> {
        let iss = claims.get("iss").and_then(|iss| iss.as_str());
        match iss == Some(self.settings.issuer.as_str()) {
            true => Ok((claims, key)),
            false => Err(Refused {
                error: TokenError::UnknownIssuer,
                may_be_new_key: false,
            }),
        }
    }

    fn validation(&self, key: &VerifyingKey) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        // One text, or a list that holds it (RFC 7519, 4.1.3).
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // By our own clock, in `Times`: the library asks the operating system's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

/// Whether another key could have made it good.
fn is_of_key(error: &JwtError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat
    )
}
