//! Who a token is about: its claims, wherever its issuer puts them and in whatever words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

use super::{
    requester::Role,
    token::{Times, TokenError},
};

/// The claims of a token whose signature is good.
pub(super) type ClaimSet = Map<String, Value>;

/// Where a claim stands among a token's claims.
///
/// A JSON pointer (RFC 6901) such as `/realm_access/roles`, or the plain name of a claim, such as `role` or
/// `https://zhibu.example.org/role`: what does not begin with a slash is a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPlace(String);

/// A text that is no place of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a claim, or a JSON pointer such as \"/realm_access/roles\"")]
pub struct ClaimPlaceError;

impl ClaimPlace {
    /// Reads a pointer or a name.
    ///
    /// # Errors
    ///
    /// Nothing, and in a pointer a tilde before anything but `0` and `1`.
    pub fn parse(text: &str) -> Result<Self, ClaimPlaceError> {
        if text.is_empty() {
            return Err(ClaimPlaceError);
        }
        if !text.starts_with('/') {
            return Ok(Self::name(text));
        }
        let mut escapes = text.split('~').skip(1);
        match escapes.all(|rest| rest.starts_with(['0', '1'])) {
            true => Ok(Self(text.to_owned())),
            false => Err(ClaimPlaceError),
        }
    }

    fn name(name: &str) -> Self {
        Self(format!("/{}", name.replace('~', "~0").replace('/', "~1")))
    }

    /// What stands there; null is nothing.
    fn find<'c>(&self, claims: &'c ClaimSet) -> Option<&'c Value> {
        let mut steps = self.0.split('/').skip(1);
        let first = steps.next()?.replace("~1", "/").replace("~0", "~");
        let mut found = claims.get(&first)?;
        for step in steps {
            found = found.pointer(&format!("/{step}"))?;
        }
        Some(found).filter(|value| !value.is_null())
    }

    /// The one text that stands there, alone or as the only item of a list, as multi-valued attributes come.
    fn text(&self, claims: &ClaimSet, what: &'static str) -> Result<Option<String>, TokenError> {
        let one = match self.find(claims) {
            None => return Ok(None),
            Some(Value::Array(items)) => match items.as_slice() {
                [] => return Ok(None),
                [only] => only,
                _ => return Err(TokenError::Claim(what)),
            },
            Some(value) => value,
        };
        one.as_str()
            .map(|text| Some(text.to_owned()))
            .ok_or(TokenError::Claim(what))
    }
}

/// As it is configured.
impl fmt::Display for ClaimPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an issuer's tokens say what we must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPlaces {
    /// The role: one word, or a list of words.
    pub role: ClaimPlace,
    /// Organization code.
    pub organization: ClaimPlace,
    /// Branch code.
    pub branch: ClaimPlace,
    /// Source code, of an adapter.
    pub source: ClaimPlace,
    /// Opaque subject.
    pub subject: ClaimPlace,
}

impl Default for ClaimPlaces {
    fn default() -> Self {
        Self {
            role: ClaimPlace::name("role"),
            organization: ClaimPlace::name("org"),
            branch: ClaimPlace::name("branch"),
            source: ClaimPlace::name("source"),
            subject: ClaimPlace::name("sub"),
        }
    }
}

/// Which roles an issuer gives, and by which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRules {
    /// The issuer's words; none: the contract's own names.
    pub words: BTreeMap<String, Role>,
    /// The roles that it may give.
    pub allowed: Vec<Role>,
}

impl Default for RoleRules {
    fn default() -> Self {
        Self {
            words: BTreeMap::new(),
            allowed: Role::ALL.to_vec(),
        }
    }
}

impl RoleRules {
    /// The one role that a claim names. Words that mean nothing here are another service's; words that mean several
    /// roles are refused: to guess would be to give the wrong one, and to take the greatest would be worse.
    fn role(&self, claim: Option<&Value>) -> Result<Role, TokenError> {
        let words: Vec<&str> = match claim {
            None => return Err(TokenError::Claim("role is missing")),
            Some(Value::String(word)) => vec![word],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(_) => return Err(TokenError::Claim("role is neither a text nor a list of texts")),
        };
        let meant: BTreeSet<&'static str> = words
            .into_iter()
            .filter_map(|word| self.meaning(word))
            .map(Role::as_str)
            .collect();
        let mut meant = meant.into_iter();
        match (meant.next().and_then(Role::parse), meant.next()) {
            (Some(role), None) if self.allowed.contains(&role) => Ok(role),
            (Some(role), None) => Err(TokenError::RoleNotAllowed(role.as_str())),
            (Some(_), Some(_)) => Err(TokenError::Claim("role names several roles")),
            (None, _) => Err(TokenError::Claim("role names no role")),
        }
    }

    fn meaning(&self, word: &str) -> Option<Role> {
        match self.words.is_empty() {
            true => Role::parse(word),
            false => self.words.get(word).copied(),
        }
    }
}

/// Who a token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// As the audit trail has it: that of another issuer than the first begins with its name and a colon.
    pub subject: String,
    /// What it may act as.
    pub role: Role,
    /// Organization code.
    pub organization: Option<String>,
    /// Branch code.
    pub branch: Option<String>,
    /// Source code.
    pub source: Option<String>,
}

impl Principal {
    /// Reads it off a token's claims; its subject is as the token has it.
    pub(super) fn read(
        claims: &ClaimSet,
        places: &ClaimPlaces,
        roles: &RoleRules,
    ) -> Result<Self, TokenError> {
        let subject = places.subject.text(claims, "sub is not a text")?;
        let read = Self {
            subject: subject.ok_or(TokenError::Claim("sub is missing"))?,
            role: roles.role(places.role.find(claims))?,
            organization: places.organization.text(claims, "org is not one text")?,
            branch: places.branch.text(claims, "branch is not one text")?,
            source: places.source.text(claims, "source is not one text")?,
        };
        let complete = match read.role {
            Role::CommitteeOfficer => read.organization.is_some(),
            Role::BranchOfficer => read.branch.is_some(),
            Role::Adapter => read.source.is_some(),
            // An examiner without a branch may sign in; it is refused where it would examine.
            Role::DistrictAdmin | Role::Examiner | Role::Viewer => true,
        };
        match complete {
            true => Ok(read),
            false => Err(TokenError::Claim("org, branch or source missing for the role")),
        }
    }
}

impl Times {
    /// When a token is good. Each has an end. `nbf` and `iat` may be left out, whoever issues it (RFC 7519, 4.1.5 and 4.1.6: both
    /// optional); where they are there they hold: none is good before its `nbf`, nor before it was issued.
    pub(super) fn read(claims: &ClaimSet) -> Result<Self, TokenError> {
        let ends = seconds(claims, "exp")?.ok_or(TokenError::Claim("exp is missing"))?;
        let (not_before, issued) = (seconds(claims, "nbf")?, seconds(claims, "iat")?);
        Ok(Self {
            begins: not_before.max(issued),
            ends,
        })
    }
}

/// The last second that tokens may name: the end of the year 9999, as databases and calendars have it.
const LAST_SECOND: i64 = 253_402_300_799;

/// A NumericDate (RFC 7519, 2), which may have a fraction.
fn seconds(claims: &ClaimSet, name: &'static str) -> Result<Option<i64>, TokenError> {
    let wrong = TokenError::Claim("exp, nbf or iat is not a time");
    let value = match claims.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let whole = value.as_i64().or_else(|| {
        let fraction = value.as_f64().map(f64::floor)?;
        // What is inside is exact in both types.
        (0.0..=LAST_SECOND as f64)
            .contains(&fraction)
            .then_some(fraction as i64)
    });
    match whole {
        Some(whole) if (0..=LAST_SECOND).contains(&whole) => Ok(Some(whole)),
        _ => Err(wrong),
    }
}

#[cfg(test)]
#[path = "principal_tests.rs"]
mod tests;
