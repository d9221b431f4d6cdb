//! Tokens for development and for `serve --demo`, signed with the deployment's own key.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::CryptoRng;

use super::{
    key::{KeyError, SigningKey},
    requester::Role,
    token::Claims,
};
use crate::kernel::text::{self, TextError, find_sensitive};

/// A token of more than a year is a password.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
const SUBJECT_LIMIT: usize = 128;

/// What a token is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    /// Role of its bearer.
    pub role: Role,
    /// Opaque subject; a random one when none.
    pub subject: Option<String>,
    /// Code of the organization whose subtree a committee officer acts in, or a viewer sees.
    pub organization: Option<String>,
    /// Code of a branch officer's branch; an examiner's own.
    pub branch: Option<String>,
    /// Code of the source an adapter pushes for.
    pub source: Option<String>,
    /// How long it is valid, in whole seconds.
    pub ttl: Duration,
}

/// Why no token is made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The role says nothing without this code.
    #[error("{role} needs {option}")]
    Needs {
        /// The role.
        role: &'static str,
        /// The option of `zhibu token`.
        option: &'static str,
    },
    /// The role has no use for this code; the token would promise what it does not give.
    #[error("{role} does not take {option}")]
    DoesNotTake {
        /// The role.
        role: &'static str,
        /// The option of `zhibu token`.
        option: &'static str,
    },
    /// What was given is no code.
    #[error("{option}: {cause}")]
    Code {
        /// The option of `zhibu token`.
        option: &'static str,
        /// What is wrong with it.
        #[source]
        cause: TextError,
    },
    /// Subjects are opaque (《个人信息保护法》: no personal numbers).
    #[error(
        "--sub: must be opaque, 1 to 128 characters without white space, and not look like a phone, ID-card or bank-card number"
    )]
    Subject,
    /// Not a useful time.
    #[error("--ttl: must be between 1s and 366d")]
    Ttl,
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Whether a `sub` may be taken: 1 to 128 visible characters that are no person's number.
///
/// A UUID (RFC 9562), which is what most identity providers call a person, is none, whatever its digits look like: one random
/// UUID in a thousand holds what could be a mobile number. An issuer's name and a colon may stand before it.
pub fn is_opaque_subject(subject: &str) -> bool {
    let (before, own) = subject.rsplit_once(':').unwrap_or(("", subject));
    (1..=SUBJECT_LIMIT).contains(&subject.chars().count())
        && !subject.chars().any(|c| c.is_control() || c.is_whitespace())
        && match is_uuid(own) {
            true => find_sensitive(before).is_none(),
            false => find_sensitive(subject).is_none(),
        }
}

/// Of RFC 9562's own versions, but for the one whose bits are anybody's to choose; as it is usually written.
fn is_uuid(text: &str) -> bool {
    const HYPHENATED: usize = 36;
    let uuid = Some(text).filter(|text| text.len() == HYPHENATED);
    uuid.and_then(|text| uuid::Uuid::try_parse(text).ok())
        .is_some_and(|uuid| {
            uuid.get_variant() == uuid::Variant::RFC4122 && (1..=7).contains(&uuid.get_version_num())
        })
}

impl TokenOrder {
    /// The claims, valid from `now` (the machine's clock) on.
    pub fn claims(
        &self,
        issuer: &str,
        audience: &str,
        now: DateTime<Utc>,
        rng: &mut impl CryptoRng,
    ) -> Result<Claims, MintError> {
        if !(Duration::from_secs(1)..=LONGEST).contains(&self.ttl) {
            return Err(MintError::Ttl);
        }
        let sub = match &self.subject {
            Some(subject) if is_opaque_subject(subject) => subject.clone(),
            Some(_) => return Err(MintError::Subject),
            None => random_subject(rng),
        };
        let mut jti = [0; 16];
        rng.fill_bytes(&mut jti);
        let iat = now.timestamp();
        let seconds = i64::try_from(self.ttl.as_secs()).map_err(|_| MintError::Ttl)?;
        Ok(Claims {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub,
            role: self.role.as_str().to_owned(),
            org: self.code(
                "--org",
                &self.organization,
                self.role == Role::CommitteeOfficer,
                self.role == Role::Viewer,
            )?,
            branch: self.code(
                "--branch",
                &self.branch,
                matches!(self.role, Role::BranchOfficer | Role::Examiner),
                false,
            )?,
            source: self.code("--source", &self.source, self.role == Role::Adapter, false)?,
            iat,
            nbf: iat,
            exp: iat.saturating_add(seconds),
            jti: Some(hex::encode(jti)),
        })
    }

    fn code(
        &self,
        option: &'static str,
        given: &Option<String>,
        needed: bool,
        allowed: bool,
    ) -> Result<Option<String>, MintError> {
        let role = self.role.as_str();
        match given {
            None if needed => Err(MintError::Needs { role, option }),
            None => Ok(None),
            Some(_) if !needed && !allowed => Err(MintError::DoesNotTake { role, option }),
            Some(code) => text::code(code)
                .map(Some)
                .map_err(|cause| MintError::Code { option, cause }),
        }
    }
}

impl SigningKey {
    /// A signed token as ordered.
    pub fn mint(
        &self,
        order: &TokenOrder,
        issuer: &str,
        audience: &str,
        now: DateTime<Utc>,
        rng: &mut impl CryptoRng,
    ) -> Result<String, MintError> {
        Ok(self.sign(&order.claims(issuer, audience, now, rng)?)?)
    }
}

/// 128 random bits in letters only: digits might look like a person's number.
fn random_subject(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(b'a' + nibble))
        .collect()
}
