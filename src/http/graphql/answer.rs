//! From a request to what came of it: who asks, what is asked, whether it is let in, and whether it has been answered before.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, SubscriptionType};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures_util::future::BoxFuture;

use super::access::{Access, authenticated};
use super::{Endpoint, request, text};
use crate::graphql::error::{ApiError, Renderer};
use crate::graphql::{Executed, Idempotency, Prepared, RequestContext, RequestId};
use crate::http::admission::{self, Quota};
use crate::kernel::message::{Lang, Message};
use crate::live::{Found, Looked};
use crate::telemetry::Observed;

/// What came of a request.
pub(super) enum Answered {
    /// It was run.
    Executed(Executed, Option<Arc<Idempotency>>),
    /// It was looked up.
    Found(Found),
}

impl Answered {
    pub(super) fn of(executed: Executed) -> Self {
        Self::Executed(executed, None)
    }
}

/// Why there is no GraphQL answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request cannot be read.
    Status(StatusCode, Message),
    /// `GET` is for queries.
    MutationOverGet,
}

impl<Query, Mutation, Subscription, A> Endpoint<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    /// A body of JSON, for which its sender has as long as for a query.
    pub(super) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Stop> {
        let read = request::read(headers, body, self.options.body_limit);
        let read = tokio::time::timeout(self.options.deadline, read).await;
        read.unwrap_or_else(|_| {
            Err(Stop::Status(
                StatusCode::REQUEST_TIMEOUT,
                Message::new("请求体发送过慢", "The body took too long to come"),
            ))
        })
    }

    /// `quota` is set to what the caller has left, where that is limited.
    pub(super) async fn answer(
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
        let from = self
            .options
            .proxies
            .client(request.headers(), request.extensions());
        let authorization = request.headers().get(header::AUTHORIZATION);
        // What is not visible ASCII is a token, but nobody's.
        let authorization = authorization.map(|value| value.to_str().unwrap_or_default());
        let requester = match authenticated(&*self.access, admission, authorization, from).await {
            Ok(requester) => requester,
            Err(error) => return failed(error),
        };
        let account = self.access.account(&requester, from);
        let mut charge = |cost| match admission.charge(&account, cost) {
            Ok(left) => {
                *quota = left;
                Ok(())
            }
            Err(limited) => {
                *quota = Some(limited.quota);
                Err(limited.error)
            }
        };
        observed.role(self.access.role(&requester));
        let (parts, body) = request.into_parts();
        let body = match reading {
            true => None,
            false => Some(self.body(&parts.headers, body).await?),
        };
        // Held until it is answered. What came is only bytes so far: parsed it is a multiple of that.
        let _pass = match admission.enter(self.access.class(&requester)).await {
            Ok(pass) => pass,
            Err(error) => return failed(error),
        };
        let bytes = match &body {
            Some(body) => body.len(),
            None => parts.uri.query().unwrap_or_default().len(),
        };
        if let Err(error) = charge(admission::cost_of_bytes(bytes)) {
            return failed(error);
        }
        let params = match body {
            Some(body) => request::from_body(&body)?,
            None => request::from_uri(&parts.uri)?,
        };
        let key = parts.headers.get("idempotency-key").map(|value| value.as_bytes());
        let for_key =
            (key.is_some() || params.extensions.contains_key("idempotencyKey")).then(|| params.clone());
        let began = observed.now();
        let takes = self.access.takes(&requester);
        let prepared = match self.engine.prepare(params, takes, &mut charge) {
            Ok(prepared) => prepared,
            Err(fault) => return Ok(Answered::of(Executed::fault(fault, &renderer))),
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
            if let Err(error) = charge(prepared.cost()) {
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
                    return match charge(admission::COST_OF_KEPT) {
                        Ok(()) => Ok(Answered::Found(Found::Kept(answer))),
                        Err(error) => failed(error),
                    };
                }
                Looked::Missing(place) => Some((results, place)),
                Looked::Unknown => None,
            },
            _ => None,
        };
        if let Err(error) = charge(prepared.cost()) {
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
