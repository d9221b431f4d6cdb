//! Where several results may come: sockets and event streams over the same operations.

use std::sync::Arc;

use async_graphql::{ObjectType, SubscriptionType, parser::types::OperationType};
use axum::{extract::ws::WebSocketUpgrade, response::Response};
use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};

use super::{
    client::Arrival,
    graphql::{Access, StreamAsked, Streams},
    operations::{Operations, Peer},
    socket,
    sockets::Sockets,
    sse,
};
use crate::{
    auth::Requester,
    graphql::{ApiError, RequestId},
    kernel::message::Lang,
    live::{Told, cursor::Cursor, page::ChangesError},
    telemetry::Transport,
};

/// Sockets and event streams.
pub struct Live<Query, Mutation, Subscription, A> {
    operations: Arc<Operations<Query, Mutation, Subscription, A>>,
    sockets: Sockets,
}

impl<Query, Mutation, Subscription, A> Live<Query, Mutation, Subscription, A> {
    /// Over operations.
    pub fn new(operations: Arc<Operations<Query, Mutation, Subscription, A>>, sockets: Sockets) -> Self {
        Self { operations, sockets }
    }
}

impl<Query, Mutation, Subscription, A> Streams for Live<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access<Requester = Requester>,
{
    fn upgrade(&self, upgrade: WebSocketUpgrade, arrival: Arrival, lang: Lang, id: RequestId) -> Response {
        let (operations, sockets) = (self.operations.clone(), self.sockets.clone());
        socket::upgrade(upgrade, operations, sockets, arrival, lang, id)
    }

    fn is_draining(&self) -> bool {
        self.sockets.is_draining()
    }

    fn stream<'a>(&'a self, asked: StreamAsked<'a>) -> BoxFuture<'a, Result<Option<Response>, ApiError>> {
        Box::pin(async move {
            let requester = self
                .operations
                .authenticate(asked.authorization, asked.from)
                .await?;
            // What is no cursor of ours is one that the log does not hold.
            let resume = match asked.last_event_id.filter(|id| !id.is_empty()) {
                Some(id) => Some(Cursor::decode(id).ok_or(ChangesError::CursorExpired)?),
                None => None,
            };
            let caller = self.operations.account(&requester, asked.from);
            let until = self
                .sockets
                .until(&caller, requester.expires_at())
                .ok_or_else(|| ApiError::unavailable(1))?;
            let observed = asked
                .observed
                .begin(Transport::EventStream, "graphql", asked.id.as_str());
            let peer = Peer {
                observed,
                requester,
                from: asked.from,
                lang: asked.lang,
                id: asked.id,
                resume,
                turns: None,
                permit: None,
            };
            let told = match self.operations.prepare(&asked.request, &peer) {
                Ok(prepared) if asked.reading && prepared.kind() == OperationType::Mutation => {
                    return Ok(None);
                }
                Ok(prepared) => self.operations.start(prepared, &asked.request, peer),
                Err(errors) => stream::once(std::future::ready(Told::Failed(errors))).boxed(),
            };
            // Cut off without `complete`: who was in the middle comes again.
            Ok(Some(sse::answer(told, until, self.sockets.write_timeout())))
        })
    }
}
