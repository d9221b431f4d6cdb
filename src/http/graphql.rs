//! GraphQL over HTTP (graphql.github.io/graphql-over-http/draft): media types, methods, status codes.
//!
//! `POST` takes `application/json`, `GET` takes queries only, a batch is not a request. A request error has
//! a status of its own under `application/graphql-response+json` and 200 under `application/json`, except
//! where what is wrong is not GraphQL's: bodies that cannot be read, refusals of the document guard, missing
//! authentication and a service that is away have theirs under both.

mod accept;
mod access;
mod request;
mod respond;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use tower_http::decompression::RequestDecompressionLayer;

pub use self::access::ServiceAccess;
use self::respond::Reply;
use super::graphiql::Graphiql;
use crate::graphql::error::{ApiError, ErrorCode};
use crate::graphql::{Engine, Executed, Idempotency, RequestContext, RequestId};
use crate::kernel::message::{Lang, Message};

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

    /// Whether the caller may see the schema.
    fn may_introspect(&self, requester: &Self::Requester) -> bool;

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: BODY_LIMIT,
            deadline: DEADLINE,
            graphiql: None,
        }
    }
}

/// The endpoint.
pub struct Endpoint<Query, Mutation, Subscription, A> {
    engine: Arc<Engine<Query, Mutation, Subscription>>,
    access: Arc<A>,
    options: Options,
}

/// `/graphql`. The application's router adds request ids and compression around it.
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
        .route("/graphql", any(serve::<Query, Mutation, Subscription, A>))
        .layer(RequestDecompressionLayer::new())
        .with_state(endpoint)
}

async fn serve<Query, Mutation, Subscription, A>(
    State(endpoint): State<Arc<Endpoint<Query, Mutation, Subscription, A>>>,
    request: Request<Body>,
) -> Response
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    endpoint.handle(request).await
}

impl<Query, Mutation, Subscription, A> Endpoint<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    async fn handle(&self, request: Request<Body>) -> Response {
        let lang = Lang::from_accept_language(text(request.headers(), header::ACCEPT_LANGUAGE).as_deref());
        let id = request_id(&request);
        let accept = text(request.headers(), header::ACCEPT);
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(graphiql) = &self.options.graphiql
            && reading
            && accept::prefers_html(accept.as_deref())
        {
            return respond::page(graphiql.page(request.headers()));
        }
        let media = accept::negotiate(accept.as_deref());
        let reply = Reply {
            media: media.unwrap_or_default(),
            lang,
            request_id: &id,
        };
        if !reading && *request.method() != Method::POST {
            return reply.method_not_allowed("GET, HEAD, POST");
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
        match self.answer(request, reading, lang, &id).await {
            Ok((executed, idempotency)) => reply.executed(&executed, idempotency.as_deref()),
            Err(Stop::Status(status, message)) => reply.status(status, message),
            Err(Stop::MutationOverGet) => reply.method_not_allowed("POST"),
        }
    }

    async fn answer(
        &self,
        request: Request<Body>,
        reading: bool,
        lang: Lang,
        id: &RequestId,
    ) -> Result<(Executed, Option<Arc<Idempotency>>), Stop> {
        let mut context = RequestContext::new(lang, id.clone());
        let authorization = request.headers().get(header::AUTHORIZATION);
        // What is not visible ASCII is a token, but nobody's.
        let authorization = authorization.map(|value| value.to_str().unwrap_or_default());
        let requester = match self.access.authenticate(authorization).await {
            Ok(requester) => requester,
            Err(error) => return Ok((Executed::error(error, None, &context.renderer()), None)),
        };
        let (parts, body) = request.into_parts();
        let params = match reading {
            true => request::from_uri(&parts.uri)?,
            false => request::from_body(&parts.headers, body, self.options.body_limit).await?,
        };
        let key = parts.headers.get("idempotency-key").map(|value| value.as_bytes());
        let for_key =
            (key.is_some() || params.extensions.contains_key("idempotencyKey")).then(|| params.clone());
        let prepared = match self.engine.prepare(params) {
            Ok(prepared) => prepared,
            Err(fault) => return Ok((Executed::fault(fault, &context.renderer()), None)),
        };
        if reading && prepared.kind() != OperationType::Query {
            return Err(Stop::MutationOverGet);
        }
        let idempotency = match &for_key {
            Some(params) => Idempotency::of(key, params, prepared.facts())
                .map_err(|error| Stop::Status(StatusCode::BAD_REQUEST, error.message().clone()))?,
            None => None,
        };
        context.allow_introspection(self.access.may_introspect(&requester));
        self.access.fill(requester, &mut context);
        if let Some(idempotency) = &idempotency {
            context.insert(idempotency.clone());
        }
        if prepared.kind() != OperationType::Query {
            return Ok((self.engine.run(prepared, context).await, idempotency));
        }
        let late = RequestContext::new(lang, id.clone());
        let run = tokio::time::timeout(self.options.deadline, self.engine.run(prepared, context));
        let executed = run.await.unwrap_or_else(|_| {
            let message = Message::new("查询超时", "The query took too long");
            let error = ApiError::new(ErrorCode::Timeout, message);
            Executed::error(error, Some(OperationType::Query), &late.renderer())
        });
        Ok((executed, None))
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

/// A header's values as one text; fields given several times are lists (RFC 9110 section 5.3).
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The id that the request-id layer has given, or that came with the request.
pub(super) fn request_id(request: &Request<Body>) -> RequestId {
    let layered = request.extensions().get::<tower_http::request_id::RequestId>();
    let value = layered
        .map(|id| id.header_value())
        .or_else(|| request.headers().get("x-request-id"));
    RequestId::new(value.and_then(|v| v.to_str().ok()).unwrap_or_default())
}
