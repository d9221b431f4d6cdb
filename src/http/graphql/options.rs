//! What the endpoint works with, and what takes over where several results may come.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use futures_util::future::BoxFuture;

use crate::graphql::{ApiError, GraphqlRequest, RequestId};
use crate::http::admission::{self, Admission};
use crate::http::browsers::Browsers;
use crate::http::client::{Arrival, Proxies};
use crate::http::graphiql::Graphiql;
use crate::kernel::message::Lang;
use crate::live::Results;
use crate::telemetry::Observed;

/// Bytes of a request's body, also after decompression, unless configured.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How long a query may take unless configured.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// The endpoint's settings.
#[derive(Clone)]
pub struct Options {
    /// Bytes of a body, also after decompression.
    pub body_limit: usize,
    /// How long a query may take; mutations run to their end.
    pub deadline: Duration,
    /// What browsers get; none where the deployment has switched it off.
    pub graphiql: Option<Arc<Graphiql>>,
    /// What answers with several results.
    pub streams: Option<Arc<dyn Streams>>,
    /// Where results are kept.
    pub results: Option<Arc<Results>>,
    /// What lets requests in.
    pub admission: Arc<Admission>,
    /// Who is believed about where a request comes from.
    pub proxies: Proxies,
    /// Which pages may open sockets.
    pub browsers: Browsers,
}

/// What takes over where several results may come.
pub trait Streams: Send + Sync + 'static {
    /// Answers an upgrade to a WebSocket.
    fn upgrade(&self, upgrade: WebSocketUpgrade, arrival: Arrival, lang: Lang, id: RequestId) -> Response;

    /// Whether the service is about to stop and takes no new ones.
    fn is_draining(&self) -> bool;

    /// Answers with server-sent events; None for a mutation over `GET`.
    fn stream<'a>(&'a self, asked: StreamAsked<'a>) -> BoxFuture<'a, Result<Option<Response>, ApiError>>;
}

/// A request for server-sent events.
pub struct StreamAsked<'a> {
    /// Its parameters.
    pub request: GraphqlRequest,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Last-Event-ID`.
    pub last_event_id: Option<&'a str>,
    /// It came by `GET`.
    pub reading: bool,
    /// Where it comes from.
    pub from: Option<IpAddr>,
    /// The language of texts.
    pub lang: Lang,
    /// What the log names it by.
    pub id: RequestId,
    /// What watches the request.
    pub observed: Observed,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: BODY_LIMIT,
            deadline: DEADLINE,
            graphiql: None,
            streams: None,
            results: None,
            admission: Arc::new(Admission::new(admission::Options::unlimited())),
            proxies: Proxies::default(),
            browsers: Browsers::default(),
        }
    }
}
