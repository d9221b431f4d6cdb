//! The service's own callers: tokens checked by `auth`, resolvers given a [`Caller`].

use std::net::IpAddr;
use std::sync::Arc;

use super::Access;
use crate::auth::{Authenticator, Requester, Role};
use crate::graphql::caller::Caller;
use crate::graphql::engine::Takes;
use crate::graphql::{ApiError, Prepared, RequestContext};
use crate::http::admission::{Account, Class};
use crate::kernel::message::Lang;
use crate::live::{Dependencies, ReadKey, dependencies};
use crate::storage::Database;

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
