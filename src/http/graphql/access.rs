//! Who callers are: what the edge asks of the application, and the service's own answer (tokens checked by `auth`, resolvers given a
//! [`Caller`]).

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::{Authenticator, Requester, Role};
use crate::graphql::caller::Caller;
use crate::graphql::engine::Takes;
use crate::graphql::{ApiError, Prepared, RequestContext};
use crate::http::admission::{Account, Admission, Class};
use crate::kernel::message::Lang;
use crate::live::{Dependencies, ReadKey, dependencies};
use crate::storage::Database;

/// Who callers are and what their resolvers find: the part of the edge that the application knows.
pub trait Access: Send + Sync + 'static {
    /// A caller.
    type Requester: Send + Sync + 'static;

    /// The caller of an `Authorization` value. UNAUTHENTICATED becomes 401, UNAVAILABLE 503.
    fn authenticate(
        &self,
        authorization: Option<&str>,
    ) -> impl Future<Output = Result<Self::Requester, ApiError>> + Send;

    /// Whether it costs next to nothing to authenticate.
    fn is_known(&self, _: Option<&str>) -> bool {
        true
    }

    /// The caller's role, for what is told of its requests.
    fn role(&self, _: &Self::Requester) -> Option<&'static str> {
        None
    }

    /// Whether the caller may see the schema.
    fn may_introspect(&self, requester: &Self::Requester) -> bool;
    /// Which documents the caller may send.
    fn takes(&self, _: &Self::Requester) -> Takes {
        Takes::Any
    }

    /// Whose use of the service is counted.
    fn account(&self, _: &Self::Requester, address: Option<IpAddr>) -> Account {
        Account::at(address)
    }
    /// Who is let in first.
    fn class(&self, _: &Self::Requester) -> Class {
        Class::Other
    }
    /// What a query of the caller's is the same as, and what it depends on; None where its result is not kept.
    fn read_key(&self, _: &Self::Requester, _: &Prepared, _: Lang) -> Option<(ReadKey, Dependencies)> {
        None
    }

    /// Puts into the request's data what resolvers ask for: the requester, its scope, loaders.
    fn fill(&self, requester: Self::Requester, context: &mut RequestContext);
}

/// The caller of an `Authorization` value, where its address has not had too many looked at.
///
/// # Errors
///
/// Those of [`Access::authenticate`]; RATE_LIMITED, before it is looked at.
pub async fn authenticated<A: Access>(
    access: &A,
    admission: &Admission,
    authorization: Option<&str>,
    from: Option<IpAddr>,
) -> Result<A::Requester, ApiError> {
    if !access.is_known(authorization) {
        admission.stranger(from).map_err(|limited| limited.error)?;
    }
    access.authenticate(authorization).await
}

/// Lets in whom the authenticator knows.
pub struct ServiceAccess {
    authenticator: Arc<Authenticator>,
    database: Database,
    roles: RoleRights,
}

/// What a deployment lets roles do at the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRights {
    /// Those that may see the schema.
    pub introspect: Vec<Role>,
    /// Those that may send documents that are not registered.
    pub send_any_document: Vec<Role>,
}

impl ServiceAccess {
    /// Lets roles do what they may.
    pub fn new(authenticator: Arc<Authenticator>, database: Database, roles: RoleRights) -> Self {
        Self {
            authenticator,
            database,
            roles,
        }
    }
}

impl Access for ServiceAccess {
    type Requester = Requester;

    async fn authenticate(&self, authorization: Option<&str>) -> Result<Requester, ApiError> {
        Ok(self.authenticator.authenticate(authorization).await?)
    }

    fn is_known(&self, authorization: Option<&str>) -> bool {
        self.authenticator.is_known(authorization)
    }

    fn may_introspect(&self, requester: &Requester) -> bool {
        self.roles.introspect.contains(&requester.role())
    }

    fn takes(&self, requester: &Requester) -> Takes {
        match self.roles.send_any_document.contains(&requester.role()) {
            true => Takes::Any,
            false => Takes::Trusted,
        }
    }

    fn account(&self, requester: &Requester, address: Option<IpAddr>) -> Account {
        match requester.is_anonymous() {
            true => Account::at(address),
            false => Account::Subject(requester.shared_subject()),
        }
    }

    fn class(&self, requester: &Requester) -> Class {
        match requester.role() {
            Role::Adapter => Class::Push,
            _ => Class::Other,
        }
    }

    fn role(&self, requester: &Requester) -> Option<&'static str> {
        Some(requester.role().as_str())
    }

    fn read_key(
        &self,
        requester: &Requester,
        prepared: &Prepared,
        lang: Lang,
    ) -> Option<(ReadKey, Dependencies)> {
        let facts = prepared.facts();
        let is_kept = !facts.reads.volatile && !facts.introspects;
        is_kept.then(|| {
            let key = ReadKey::of(prepared, &facts.reads, requester, lang);
            (key, dependencies(prepared, requester))
        })
    }

    fn fill(&self, requester: Requester, context: &mut RequestContext) {
        let caller = Caller::new(
            requester,
            context.lang(),
            context.request_id().as_str().to_owned(),
            self.database.for_one_request(context.observed().spent()),
            context.queue(),
        );
        context.insert(caller);
    }
}
