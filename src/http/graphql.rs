//! GraphQL over HTTP (graphql.github.io/graphql-over-http/draft): media types, methods, status codes.
//!
//! `POST` takes `application/json`, `GET` takes queries only, a batch is not a request. A request error has
//! a status of its own under `application/graphql-response+json` and 200 under `application/json`, except
//! where what is wrong is not GraphQL's: bodies that cannot be read, refusals of the document guard, missing
//! authentication and a service that is away have theirs under both.

mod accept;
mod access;
mod encoding;
mod request;
mod respond;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures_util::future::BoxFuture;

pub use self::access::{RoleRights, ServiceAccess};
use self::respond::Reply;
use super::admission::{self, Account, Admission, Class, Quota};
use super::browsers::Browsers;
use super::client::{Arrival, Proxies};
use super::graphiql::Graphiql;
use super::server::Slot;
use crate::graphql::engine::Takes;
use crate::graphql::error::{ApiError, Renderer};
use crate::graphql::{Engine, Executed, GraphqlRequest, Idempotency, Prepared, RequestContext, RequestId};
use crate::kernel::message::{Lang, Message};
use crate::live::{Dependencies, Found, Looked, ReadKey, Results};
use crate::telemetry::Observed;

/// Bytes of a request's body, also after decompression, unless configured.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How long a query may take unless configured.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// Who callers are and what their resolvers find: the part of the edge that the application knows.
pub trait Access: Send + Sync + 'static {
    /// A caller.
    type Requester: Send + Sync + 'static;

    /// The caller of an `Authorization` value. UNAUTHENTICATED becomes 401, UNAVAILABLE 503.
    fn authenticate(
        &self,
        authorization: Option<&str>,
    ) -> impl Future<Output = Result<Self::Requester, ApiError>> + Send;

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

/// The endpoint.
pub struct Endpoint<Query, Mutation, Subscription, A> {
    engine: Arc<Engine<Query, Mutation, Subscription>>,
    access: Arc<A>,
    options: Options,
}

/// `/graphql`, with content codings both ways. The application's router adds request ids around it.
pub fn routes<Query, Mutation, Subscription, A>(
    engine: Arc<Engine<Query, Mutation, Subscription>>,
    access: Arc<A>,
    options: Options,
) -> Router
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    let endpoint = Arc::new(Endpoint {
        engine,
        access,
        options,
    });
    Router::new()
        .route("/graphql", any(serve::<Query, Mutation, Subscription, A, false>))
        .route(
            "/graphql/stream",
            any(serve::<Query, Mutation, Subscription, A, true>),
        )
        .with_state(endpoint)
}

/// Answers; `STREAM`: with server-sent events, whatever the caller likes best.
async fn serve<Query, Mutation, Subscription, A, const STREAM: bool>(
    State(endpoint): State<Arc<Endpoint<Query, Mutation, Subscription, A>>>,
    request: Request<Body>,
) -> Response
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    if !request.headers().contains_key(header::CONTENT_ENCODING) {
        return endpoint.handle(request, STREAM).await;
    }
    Box::pin(encoding::unpacked(request, async |request| {
        endpoint.handle(request, STREAM).await
    }))
    .await
}

impl<Query, Mutation, Subscription, A> Endpoint<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    async fn handle(&self, request: Request<Body>, streams: bool) -> Response {
        let lang = Lang::from_accept_language(text(request.headers(), header::ACCEPT_LANGUAGE).as_deref());
        let id = request_id(&request);
        let observed = request
            .extensions()
            .get::<Observed>()
            .cloned()
            .unwrap_or_default();
        let accept = text(request.headers(), header::ACCEPT);
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(live) = &self.options.streams
            && is_upgrade(request.headers())
        {
            return self.upgrade(&**live, request, lang, id).await;
        }
        if let Some(graphiql) = &self.options.graphiql
            && reading
            && accept::prefers_html(accept.as_deref())
        {
            let takes = request.headers().get(header::ACCEPT_ENCODING).cloned();
            let page = respond::page(graphiql.page(request.headers()));
            return Box::pin(encoding::packed(page, takes)).await;
        }
        let media = accept::negotiate(accept.as_deref());
        let gzip = accept::takes_gzip(text(request.headers(), header::ACCEPT_ENCODING).as_deref());
        let reply = Reply {
            media: media.unwrap_or_default(),
            lang,
            request_id: &id,
            observed: &observed,
        };
        if !reading && *request.method() != Method::POST {
            return reply.method_not_allowed("GET, HEAD, POST");
        }
        if let Some(live) = &self.options.streams
            && (streams || accept::prefers_events(accept.as_deref()))
        {
            return Box::pin(self.stream(&**live, request, reading, &reply)).await;
        }
        if media.is_none() {
            return reply.status(
                StatusCode::NOT_ACCEPTABLE,
                Message::new(
                    "只能以 application/graphql-response+json 或 application/json 应答",
                    "Answers come as application/graphql-response+json or application/json",
                ),
            );
        }
        let known = text(request.headers(), header::IF_NONE_MATCH)
            .filter(|_| reading)
            .map(Cow::into_owned);
        let public = request.headers().get(header::AUTHORIZATION).is_none();
        let takes = request.headers().get(header::ACCEPT_ENCODING).cloned();
        let mut quota = None;
        let answered = self
            .answer(request, reading, lang, &id, &observed, &mut quota)
            .await;
        let with_quota = |mut response: Response| {
            if let Some(quota) = quota {
                quota.write(response.headers_mut());
            }
            response
        };
        let answer = match answered {
            // What is kept is packed already.
            Ok(Answered::Found(Found::Kept(answer))) => {
                observed.cache("hit");
                return with_quota(reply.kept(&answer, "zhibu; hit", known.as_deref(), public, gzip));
            }
            Ok(Answered::Found(Found::Made(answer))) => {
                observed.cache("miss");
                let status = "zhibu; fwd=miss; stored";
                return with_quota(reply.kept(&answer, status, known.as_deref(), public, gzip));
            }
            Ok(Answered::Executed(executed, idempotency)) => {
                reply.executed(&executed, idempotency.as_deref())
            }
            Ok(Answered::Found(Found::Passed(executed))) => {
                observed.cache("bypass");
                reply.passed(&executed)
            }
            Err(Stop::Status(status, message)) => reply.status(status, message),
            Err(Stop::MutationOverGet) => reply.method_not_allowed("POST"),
        };
        Box::pin(encoding::packed(with_quota(answer), takes)).await
    }

    async fn upgrade(
        &self,
        live: &dyn Streams,
        request: Request<Body>,
        lang: Lang,
        id: RequestId,
    ) -> Response {
        if live.is_draining() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        if !self.options.browsers.may_connect(request.headers()) {
            return StatusCode::FORBIDDEN.into_response();
        }
        let (mut parts, _) = request.into_parts();
        let arrival = Arrival {
            from: self.options.proxies.client(&parts.headers, &parts.extensions),
            slot: parts.extensions.get::<Slot>().cloned(),
        };
        match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => live.upgrade(upgrade, arrival, lang, id),
            Err(rejection) => rejection.into_response(),
        }
    }

    /// Answers with server-sent events, which tell what is wrong with an operation too; what is wrong with the request has a
    /// status.
    async fn stream(
        &self,
        live: &dyn Streams,
        request: Request<Body>,
        reading: bool,
        reply: &Reply<'_>,
    ) -> Response {
        if live.is_draining() {
            let error = ApiError::unavailable(1);
            let context = RequestContext::new(reply.lang, reply.request_id.clone());
            return reply.executed(&Executed::error(error, None, &context.renderer()), None);
        }
        let (parts, body) = request.into_parts();
        let params = match reading {
            true => request::from_uri(&parts.uri),
            false => self.params_of_body(&parts.headers, body).await,
        };
        let params = match params {
            Ok(params) => params,
            Err(Stop::Status(status, message)) => return reply.status(status, message),
            Err(Stop::MutationOverGet) => return reply.method_not_allowed("POST"),
        };
        let visible = |name: header::HeaderName| {
            let value = parts.headers.get(name);
            // What is not visible ASCII is a token, but nobody's.
            value.map(|value| value.to_str().unwrap_or_default())
        };
        let asked = StreamAsked {
            request: params,
            authorization: visible(header::AUTHORIZATION),
            last_event_id: visible(header::HeaderName::from_static("last-event-id")),
            reading,
            from: self.options.proxies.client(&parts.headers, &parts.extensions),
            lang: reply.lang,
            id: reply.request_id.clone(),
            observed: reply.observed.clone(),
        };
        match live.stream(asked).await {
            Ok(Some(response)) => response,
            Ok(None) => reply.method_not_allowed("POST"),
            Err(error) => {
                let context = RequestContext::new(reply.lang, reply.request_id.clone());
                reply.executed(&Executed::error(error, None, &context.renderer()), None)
            }
        }
    }

    /// The parameters in a body, for which its sender has as long as for a query.
    async fn params_of_body(&self, headers: &HeaderMap, body: Body) -> Result<GraphqlRequest, Stop> {
        let params = request::from_body(headers, body, self.options.body_limit);
        let read = tokio::time::timeout(self.options.deadline, params).await;
        read.unwrap_or_else(|_| {
            Err(Stop::Status(
                StatusCode::REQUEST_TIMEOUT,
                Message::new("请求体发送过慢", "The body took too long to come"),
            ))
        })
    }

    /// `quota` is set to what the caller has left, where that is limited.
    async fn answer(
        &self,
        request: Request<Body>,
        reading: bool,
        lang: Lang,
        id: &RequestId,
        observed: &Observed,
        quota: &mut Option<Quota>,
    ) -> Result<Answered, Stop> {
        let renderer = Renderer::new(lang, id.as_str());
        let failed = |error| Ok(Answered::of(Executed::error(error, None, &renderer)));
        let admission = &self.options.admission;
        let mut charge = |account: &Account, cost| match admission.charge(account, cost) {
            Ok(left) => {
                *quota = left;
                Ok(())
            }
            Err(limited) => {
                *quota = Some(limited.quota);
                Err(limited.error)
            }
        };
        let from = self
            .options
            .proxies
            .client(request.headers(), request.extensions());
        let authorization = request.headers().get(header::AUTHORIZATION);
        // What is not visible ASCII is a token, but nobody's.
        let authorization = authorization.map(|value| value.to_str().unwrap_or_default());
        let requester = match self.access.authenticate(authorization).await {
            Ok(requester) => requester,
            Err(error) => {
                let charged = charge(&Account::at(from), admission::COST_OF_STRANGERS);
                return failed(charged.err().unwrap_or(error));
            }
        };
        let account = self.access.account(&requester, from);
        observed.role(self.access.role(&requester));
        let (parts, body) = request.into_parts();
        let params = match reading {
            true => request::from_uri(&parts.uri)?,
            false => self.params_of_body(&parts.headers, body).await?,
        };
        let key = parts.headers.get("idempotency-key").map(|value| value.as_bytes());
        let for_key =
            (key.is_some() || params.extensions.contains_key("idempotencyKey")).then(|| params.clone());
        // Held until it is answered.
        let _pass = match admission.enter(self.access.class(&requester)).await {
            Ok(pass) => pass,
            Err(error) => return failed(error),
        };
        let cost_of_reading = admission::cost_of_reading(&params);
        let began = observed.now();
        let prepared = match self.engine.prepare(params, self.access.takes(&requester)) {
            Ok(prepared) => prepared,
            Err(fault) => {
                return match charge(&account, cost_of_reading) {
                    Ok(()) => Ok(Answered::of(Executed::fault(fault, &renderer))),
                    Err(error) => failed(error),
                };
            }
        };
        observed.prepared(&prepared.told(), began);
        if prepared.kind() == OperationType::Subscription {
            return Err(Stop::Status(
                StatusCode::NOT_ACCEPTABLE,
                Message::new(
                    "订阅须通过 WebSocket（graphql-transport-ws），或以 Accept: text/event-stream 请求",
                    "A subscription is served over a WebSocket (graphql-transport-ws), or asked for with Accept: text/event-stream",
                ),
            ));
        }
        if reading && prepared.kind() != OperationType::Query {
            return Err(Stop::MutationOverGet);
        }
        let idempotency = match &for_key {
            Some(params) => Idempotency::of(key, params, prepared.hash(), prepared.facts())
                .map_err(|error| Stop::Status(StatusCode::BAD_REQUEST, error.message().clone()))?,
            None => None,
        };
        if prepared.kind() != OperationType::Query {
            if let Err(error) = charge(&account, prepared.cost()) {
                return failed(error);
            }
            let executed = self
                .run(prepared, requester, idempotency.clone(), lang, id, observed)
                .await;
            return Ok(Answered::Executed(executed, idempotency));
        }
        let results = self
            .options
            .results
            .as_deref()
            .filter(|_| !wants_new(&parts.headers));
        let read = results.and_then(|_| self.access.read_key(&requester, &prepared, lang));
        let place = match (results, read) {
            (Some(results), Some((key, depends_on))) => match results.look_up(key, &depends_on) {
                // Most end here, and cheaply: without as much as a timer.
                Looked::Kept(answer) => {
                    return match charge(&account, admission::COST_OF_KEPT) {
                        Ok(()) => Ok(Answered::Found(Found::Kept(answer))),
                        Err(error) => failed(error),
                    };
                }
                Looked::Missing(place) => Some((results, place)),
                Looked::Unknown => None,
            },
            _ => None,
        };
        if let Err(error) = charge(&account, prepared.cost()) {
            return failed(error);
        }
        let is_bypassed = place.is_none() && read.is_some();
        let run = || self.run(prepared, requester, idempotency, lang, id, observed);
        let answered = async {
            match place {
                Some((results, place)) => Answered::Found(results.make(place, run).await),
                None if is_bypassed => Answered::Found(Found::Passed(run().await)),
                None => Answered::of(run().await),
            }
        };
        let answered = tokio::time::timeout(self.options.deadline, answered).await;
        Ok(answered.unwrap_or_else(|_| {
            Answered::of(Executed::error(
                ApiError::timeout(),
                Some(OperationType::Query),
                &renderer,
            ))
        }))
    }

    /// On the heap: a result that is kept needs none of it.
    fn run<'a>(
        &'a self,
        prepared: Prepared,
        requester: A::Requester,
        idempotency: Option<Arc<Idempotency>>,
        lang: Lang,
        id: &'a RequestId,
        observed: &'a Observed,
    ) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            let began = observed.now();
            let mut context = RequestContext::new(lang, id.clone());
            context.observe(self.access.role(&requester), observed.clone());
            context.allow_introspection(self.access.may_introspect(&requester));
            self.access.fill(requester, &mut context);
            if let Some(idempotency) = idempotency {
                context.insert(idempotency);
            }
            let executed = self.engine.run(prepared, context).await;
            observed.executed(began);
            executed
        })
    }
}

/// RFC 9111, section 5.2.1: who does not want a kept answer gets a new one.
fn wants_new(headers: &HeaderMap) -> bool {
    let control = text(headers, header::CACHE_CONTROL).unwrap_or_default();
    control.split(',').any(|directive| {
        let directive = directive.trim();
        ["no-cache", "no-store"]
            .iter()
            .any(|new| directive.eq_ignore_ascii_case(new))
    })
}

/// What came of a request.
enum Answered {
    /// It was run.
    Executed(Executed, Option<Arc<Idempotency>>),
    /// It was looked up.
    Found(Found),
}

impl Answered {
    fn of(executed: Executed) -> Self {
        Self::Executed(executed, None)
    }
}

/// Why there is no GraphQL answer.
#[derive(Debug)]
enum Stop {
    /// The request cannot be read.
    Status(StatusCode, Message),
    /// `GET` is for queries.
    MutationOverGet,
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = text(headers, header::UPGRADE).unwrap_or_default();
    upgrade
        .split(',')
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// A header's values as one text; fields given several times are lists (RFC 9110 section 5.3).
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    let first = values.next()?;
    Some(values.fold(Cow::Borrowed(first), |all, next| format!("{all}, {next}").into()))
}

/// The id that the request-id layer has given, or that came with the request.
pub(super) fn request_id(request: &Request<Body>) -> RequestId {
    let layered = request.extensions().get::<tower_http::request_id::RequestId>();
    let value = layered
        .map(|id| id.header_value())
        .or_else(|| request.headers().get("x-request-id"));
    RequestId::new(value.and_then(|v| v.to_str().ok()).unwrap_or_default())
}
