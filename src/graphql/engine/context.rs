//! What comes with a request besides its document.

use std::any::Any;
use std::sync::Arc;

use async_graphql::Data;

use crate::graphql::batch::LoaderQueue;
use crate::graphql::error::Renderer;
use crate::kernel::message::Lang;
use crate::telemetry::Observed;

/// What the log and INTERNAL errors name a request by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// An id as the transport got or made it.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks, in which language, and what resolvers find in the request's data: [`Lang`] and [`RequestId`]
/// always, everything else by [`RequestContext::insert`].
pub struct RequestContext {
    lang: Lang,
    request_id: RequestId,
    introspection: bool,
    role: Option<&'static str>,
    observed: Observed,
    queue: LoaderQueue,
    data: Data,
}

impl RequestContext {
    /// A context that may introspect and holds nothing else yet.
    pub fn new(lang: Lang, request_id: RequestId) -> Self {
        let mut data = Data::default();
        data.insert(lang);
        data.insert(request_id.clone());
        Self {
            lang,
            request_id,
            introspection: true,
            role: None,
            observed: Observed::default(),
            queue: LoaderQueue::new(),
            data,
        }
    }

    /// Adds a value that resolvers ask for by its type.
    pub fn insert<D: Any + Send + Sync>(&mut self, value: D) {
        self.data.insert(value);
    }

    /// Says whether the caller may see the schema.
    pub fn allow_introspection(&mut self, allowed: bool) {
        self.introspection = allowed;
    }

    /// Whose request it is and who watches it, for what is told of it.
    pub fn observe(&mut self, role: Option<&'static str>, observed: Observed) {
        self.role = role;
        self.observed = observed;
    }

    /// What watches the request.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The caller's role, for the log.
    pub fn role(&self) -> Option<&'static str> {
        self.role
    }

    /// The language of messages.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// The request's id.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// The queue whose loaders run with this request.
    pub fn queue(&self) -> &LoaderQueue {
        &self.queue
    }

    /// Renders errors for this caller.
    pub fn renderer(&self) -> Renderer<'_> {
        Renderer {
            lang: self.lang,
            request_id: self.request_id.as_str(),
            role: self.role,
            operation: None,
        }
    }

    pub(super) fn introspection(&self) -> bool {
        self.introspection
    }

    pub(super) fn into_data(self) -> Data {
        self.data
    }
}
