//! The service's own callers: tokens checked by `auth`, resolvers given a [`Caller`].

use std::sync::Arc;

use super::Access;
use crate::auth::{Authenticator, Requester};
use crate::graphql::caller::Caller;
use crate::graphql::{ApiError, Prepared, RequestContext};
use crate::kernel::message::Lang;
use crate::live::{Dependencies, ReadKey, dependencies};
use crate::storage::Database;

/// Lets in whom the authenticator knows.
pub struct ServiceAccess {
    authenticator: Arc<Authenticator>,
    database: Database,
    introspection: bool,
}

impl ServiceAccess {
    /// `introspection`: whether the schema may be asked for.
    pub fn new(authenticator: Arc<Authenticator>, database: Database, introspection: bool) -> Self {
        Self {
            authenticator,
            database,
            introspection,
        }
    }
}

impl Access for ServiceAccess {
    type Requester = Requester;

    async fn authenticate(&self, authorization: Option<&str>) -> Result<Requester, ApiError> {
        Ok(self.authenticator.authenticate(authorization).await?)
    }

    fn may_introspect(&self, _: &Requester) -> bool {
        self.introspection
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
