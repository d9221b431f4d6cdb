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
use crate::http::admission::{Account, COST_OF_KEPT, Held, Quota, cost_of_bytes};
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
    /// An error of ours.
    Failed(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl<Query, Mutation, Subscription, A> Endpoint<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    /// A body of JSON, for which its sender has as long as for a query, and which is paid for: what it is said to have before it is
    /// read, and then what it has more.
    pub(super) async fn body(
        &self,
        headers: &HeaderMap,
        body: Body,
        account: &Account,
        charge: &mut (dyn FnMut(u64) -> Result<(), ApiError> + Send),
    ) -> Result<(Bytes, Held), Stop> {
        let limit = self.options.body_limit;
        let declared = content_length(headers).unwrap_or(0).min(limit);
        // Unpacked it may be as large as any, and so may one that does not say.
        let room = match headers.contains_key(header::CONTENT_ENCODING) || declared == 0 {
            true => limit,
            false => declared,
        };
        let held = self.options.admission.hold(account, room)?;
        let paid = cost_of_bytes(declared);
        charge(paid)?;
        let read = request::read(headers, body, limit);
        let read = tokio::time::timeout(self.options.deadline, read).await;
        let body = read.unwrap_or_else(|_| {
            Err(Stop::Status(
                StatusCode::REQUEST_TIMEOUT,
                Message::new("请求体发送过慢", "The body took too long to come"),
            ))
        })?;
        let more = cost_of_bytes(body.len()).saturating_sub(paid);
        if more > 0 {
            charge(more)?;
        }
        Ok((body, held))
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
        let admission = &self.options.admission;
        let from = self
            .options
            .proxies
            .client(request.headers(), request.extensions());
        let authorization = request.headers().get(header::AUTHORIZATION);
        // What is not visible ASCII is a token, but nobody's.
        let authorization = authorization.map(|value| value.to_str().unwrap_or_default());
        let requester = authenticated(&*self.access, admission, authorization, from).await?;
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
            true => {
                charge(cost_of_bytes(parts.uri.query().unwrap_or_default().len()))?;
                None
            }
            false => Some(self.body(&parts.headers, body, &account, &mut charge).await?),
        };
        // Held until it is answered. What came is only bytes so far: parsed it is a multiple of that.
        let class = self.access.class(&requester);
        let mut entered = admission.enter(class, &account).await?;
        let params = match &body {
            Some((body, _)) => request::from_body(body)?,
            None => request::from_uri(&parts.uri)?,
        };
        drop(body);
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
        let known = class.asking(prepared.kind());
        if known != class {
            // Not held while another is waited for: points would wait for it too.
            drop(entered);
            entered = admission.enter(known, &account).await?;
        }
        let idempotency = match &for_key {
            Some(params) => Idempotency::of(key, params, prepared.hash(), prepared.facts())
                .map_err(|error| Stop::Status(StatusCode::BAD_REQUEST, error.message().clone()))?,
            None => None,
        };
        if prepared.kind() != OperationType::Query {
            charge(prepared.cost())?;
            let run = self.run(prepared, requester, idempotency.clone(), lang, id, observed);
            // It runs to its end, and counts until then, also where its sender is gone.
            let run = tokio::spawn(async move {
                let executed = run.await;
                drop(entered);
                executed
            });
            let executed = run.await.map_err(ApiError::internal)?;
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
                    charge(COST_OF_KEPT)?;
                    return Ok(Answered::Found(Found::Kept(answer)));
                }
                Looked::Missing(place) => Some((results, place)),
                Looked::Unknown => None,
            },
            _ => None,
        };
        charge(prepared.cost())?;
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
    fn run(
        &self,
        prepared: Prepared,
        requester: A::Requester,
        idempotency: Option<Arc<Idempotency>>,
        lang: Lang,
        id: &RequestId,
        observed: &Observed,
    ) -> BoxFuture<'static, Executed> {
        let (engine, observed) = (self.engine.clone(), observed.clone());
        let mut context = RequestContext::new(lang, id.clone());
        context.observe(self.access.role(&requester), observed.clone());
        context.allow_introspection(self.access.may_introspect(&requester));
        self.access.fill(requester, &mut context);
        if let Some(idempotency) = idempotency {
            context.insert(idempotency);
        }
        Box::pin(async move {
            let began = observed.now();
            let executed = engine.run(prepared, context).await;
            observed.executed(began);
            executed
        })
    }
}

/// What a body is said to have.
fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
