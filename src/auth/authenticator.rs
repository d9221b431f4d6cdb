//! Token to requester, in one place for every edge.

use std::sync::Arc;

use chrono::DateTime;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::{
    issuer::{Keys, Verified, Vouched},
    jwks::KeysUnavailable,
    requester::{Requester, Role},
    store,
    token::{Times, TokenError},
};
use crate::{
    kernel::{
        id::{BranchId, OrganizationId, PointSourceId},
        text,
    },
    storage::{Database, StoreError},
};

/// Codes whose ids are kept: codes are never given to another organization or branch, so a kept one stays true.
const KEPT_CODES: usize = 10_000;

/// Tokens whose callers are kept.
const KEPT_TOKENS: usize = 10_000;

/// Why a caller could not be told.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No token, and anonymous callers are not let in.
    #[error("no token")]
    Missing,
    /// A token that is not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token of which nobody can tell: its issuer's keys are out of reach.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    /// The database failed while a code was looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks tokens and finds what their codes name.
pub struct Authenticator {
    keys: Arc<Keys>,
    anonymous: Option<Role>,
    database: Database,
    organizations: Cache<String, OrganizationId>,
    branches: Cache<String, BranchId>,
    sources: Cache<String, PointSourceId>,
    /// Callers by the SHA-256 of a token whose signature is good: to check one costs more than a kept answer.
    verified: Cache<[u8; 32], Arc<Known>>,
}

/// A caller whose token was taken.
struct Known {
    times: Times,
    vouched: Vouched,
    requester: Requester,
}

impl Authenticator {
    /// `anonymous`: the role of callers without a token, where the deployment gives them one.
    pub fn new(keys: impl Into<Arc<Keys>>, anonymous: Option<Role>, database: Database) -> Self {
        Self {
            keys: keys.into(),
            anonymous,
            database,
            organizations: Cache::new(KEPT_CODES),
            branches: Cache::new(KEPT_CODES),
            sources: Cache::new(KEPT_CODES),
            verified: Cache::new(KEPT_TOKENS),
        }
    }

    /// Whether it costs next to nothing to authenticate: there is no token, or it was taken before.
    pub fn is_known(&self, authorization: Option<&str>) -> bool {
        let Some(authorization) = authorization else {
            return true;
        };
        bearer(authorization).is_none_or(|token| self.verified.contains_key(&hash(token)))
    }

    /// The requester of an `Authorization` value (RFC 6750: `Bearer` and the token).
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Requester, AuthError> {
        let Some(authorization) = authorization else {
            return self.anonymous.map(anonymous).ok_or(AuthError::Missing);
        };
        let token = bearer(authorization).ok_or(TokenError::Claim("not a bearer token"))?;
        let now = self.database.clock().machine();
        // Its signature is checked once; each time, whether it has ended and whether its key is one of its issuer's still.
        let hash = hash(token);
        if let Some(known) = self.verified.get(&hash) {
            known.times.check(now.timestamp(), self.keys.leeway_seconds())?;
            if self.keys.vouches(&known.vouched, now) {
                return Ok(known.requester.clone());
            }
            self.verified.remove(&hash);
        }
        let verified = self.keys.verify(token, now).await?;
        let requester = self.requester(&verified).await?;
        // A source that is not there yet is looked for again, and so is an examiner who was never assigned.
        let has_source = requester.source.is_none() || requester.source_id.is_some();
        let is_assigned = requester.role != Role::Examiner || requester.examiner.is_some();
        if has_source && is_assigned {
            let known = Known {
                times: verified.times,
                vouched: verified.vouched,
                requester: requester.clone(),
            };
            self.verified.insert(hash, Arc::new(known));
        }
        Ok(requester)
    }

    async fn requester(&self, verified: &Verified) -> Result<Requester, AuthError> {
        let principal = &verified.principal;
        let organization = match &principal.organization {
            Some(code) => Some(self.organization(code).await?),
            None => None,
        };
        let branch = match &principal.branch {
            Some(code) => Some(self.branch(code).await?),
            None => None,
        };
        let source_id = match &principal.source {
            Some(code) => self.source(code).await?,
            None => None,
        };
        let examiner = match principal.role {
            Role::Examiner => store::examiner_id(self.database.reader(), &principal.subject).await?,
            _ => None,
        };
        Ok(Requester {
            examiner,
            subject: principal.subject.as_str().into(),
            role: principal.role,
            organization,
            branch,
            source: principal.source.as_deref().map(Arc::from),
            source_id,
            // As long as it is taken.
            expires_at: DateTime::from_timestamp(
                verified.ends().saturating_add(self.keys.leeway_seconds()),
                0,
            ),
            anonymous: false,
        })
    }

    async fn organization(&self, code: &str) -> Result<OrganizationId, AuthError> {
        let code = &text::code(code).map_err(|_| TokenError::Claim("org is not a code"))?;
        if let Some(id) = self.organizations.get(code) {
            return Ok(id);
        }
        let id = store::organization_id(self.database.reader(), code)
            .await?
            .ok_or(TokenError::Claim("org names no organization"))?;
        self.organizations.insert(code.to_owned(), id);
        Ok(id)
    }

    /// None for a source that is not there, or not yet: an adapter may come before its source is configured.
    async fn source(&self, code: &str) -> Result<Option<PointSourceId>, AuthError> {
        let code = &text::code(code).map_err(|_| TokenError::Claim("source is not a code"))?;
        if let Some(id) = self.sources.get(code) {
            return Ok(Some(id));
        }
        let id = store::source_id(self.database.reader(), code).await?;
        if let Some(id) = id {
            self.sources.insert(code.to_owned(), id);
        }
        Ok(id)
    }

    async fn branch(&self, code: &str) -> Result<BranchId, AuthError> {
        let code = &text::code(code).map_err(|_| TokenError::Claim("branch is not a code"))?;
        if let Some(id) = self.branches.get(code) {
            return Ok(id);
        }
        let id = store::branch_id(self.database.reader(), code)
            .await?
            .ok_or(TokenError::Claim("branch names no branch"))?;
        self.branches.insert(code.to_owned(), id);
        Ok(id)
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn anonymous(role: Role) -> Requester {
    Requester {
        subject: "anonymous".into(),
        role,
        organization: None,
        branch: None,
        source: None,
        source_id: None,
        examiner: None,
        expires_at: None,
        anonymous: true,
    }
}
