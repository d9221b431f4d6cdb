//! GraphQL over HTTP (graphql.github.io/graphql-over-http/draft): media types, methods, status codes.
//!
//! `POST` takes `application/json`, `GET` takes queries only, a batch is not a request. A request error has
//! a status of its own under `application/graphql-response+json` and 200 under `application/json`, except
//! where what is wrong is not GraphQL's: bodies that cannot be read, refusals of the document guard, missing
//! authentication and a service that is away have theirs under both.

pub(super) mod accept;
mod access;
mod answer;
mod encoding;
mod options;
mod request;
mod respond;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

pub use self::access::{Access, RoleRights, ServiceAccess, authenticated};
use self::answer::{Answered, Stop};
pub use self::options::{BODY_LIMIT, DEADLINE, Options, StreamAsked, Streams};
use self::respond::Reply;
use super::admission::cost_of_bytes;
use super::client::Arrival;
use super::server::Slot;
use crate::graphql::error::ApiError;
use crate::graphql::{Engine, RequestId};
use crate::kernel::message::{Lang, Message};
use crate::live::Found;
use crate::telemetry::Observed;

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
            return respond::page(graphiql.page(request.headers()));
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
            Err(Stop::Failed(error)) => reply.failed(error),
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
            let comes_back = [(header::RETRY_AFTER, "1")];
            return (StatusCode::SERVICE_UNAVAILABLE, comes_back).into_response();
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
            return reply.failed(ApiError::unavailable(1));
        }
        let (parts, body) = request.into_parts();
        let visible = |name: header::HeaderName| {
            let value = parts.headers.get(name);
            // What is not visible ASCII is a token, but nobody's.
            value.map(|value| value.to_str().unwrap_or_default())
        };
        let admission = &self.options.admission;
        let from = self.options.proxies.client(&parts.headers, &parts.extensions);
        // Before its body is read; where the operation begins the token is known.
        let authorization = visible(header::AUTHORIZATION);
        let requester = match authenticated(&*self.access, admission, authorization, from).await {
            Ok(requester) => requester,
            Err(error) => return reply.failed(error),
        };
        let account = self.access.account(&requester, from);
        let mut charge = |cost| match admission.charge(&account, cost) {
            Ok(_) => Ok(()),
            Err(limited) => Err(limited.error),
        };
        let params = match reading {
            true => charge(cost_of_bytes(parts.uri.query().unwrap_or_default().len()))
                .map_err(Stop::from)
                .and_then(|()| request::from_uri(&parts.uri)),
            false => match self.body(&parts.headers, body, &account, &mut charge).await {
                Ok((body, _held)) => request::from_body(&body),
                Err(stop) => Err(stop),
            },
        };
        let params = match params {
            Ok(params) => params,
            Err(Stop::Status(status, message)) => return reply.status(status, message),
            Err(Stop::MutationOverGet) => return reply.method_not_allowed("POST"),
            Err(Stop::Failed(error)) => return reply.failed(error),
        };
        let asked = StreamAsked {
            request: params,
            authorization,
            last_event_id: visible(header::HeaderName::from_static("last-event-id")),
            reading,
            from,
            lang: reply.lang,
            id: reply.request_id.clone(),
            observed: reply.observed.clone(),
        };
        match live.stream(asked).await {
            Ok(Some(response)) => response,
            Ok(None) => reply.method_not_allowed("POST"),
            Err(error) => reply.failed(error),
        }
    }
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
