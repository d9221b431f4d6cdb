//! `GET /graphql` with an upgrade: graphql-transport-ws over a WebSocket. The protocol is `live/socket.rs`; this reads, writes,
//! waits, and runs what it says.
//!
//! One task a socket. What operations give is taken from them one after the other and only when the socket can take it, so
//! that none starves another and a peer that does not read holds up nobody but itself.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use async_graphql::{ObjectType, SubscriptionType, parser::types::OperationType};
use axum::{
    extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt as _};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::{
    client::Arrival,
    graphql::Access,
    operations::{Operations, Peer},
    sockets::{Inner, OfCaller, Sockets, passed},
};
use crate::{
    auth::Requester,
    graphql::{
        RequestId,
        error::{ApiError, ErrorCode},
    },
    kernel::message::{Lang, Message},
    live::{
        Told,
        socket::{Action, Close, Event, OperationKey, SUBPROTOCOL, Socket},
    },
    telemetry::Transport,
};

/// Bytes of each of a socket's two buffers: with the library's own an idle socket takes 140 KiB, with these 12.
const BUFFER: usize = 4096;

/// Bytes of a message that may be read though nobody has paid for it.
const SMALL: usize = 16 * 1024;

/// Queries and mutations of one socket that are worked on at once; the others wait for them, and not in front of other callers.
const AT_ONCE: usize = 8;

/// Takes an upgrade.
pub fn upgrade<Query, Mutation, Subscription, A>(
    upgrade: WebSocketUpgrade,
    operations: Arc<Operations<Query, Mutation, Subscription, A>>,
    sockets: Sockets,
    arrival: Arrival,
    lang: Lang,
    id: RequestId,
) -> Response
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access<Requester = Requester>,
{
    let limits = sockets.inner.limits;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(limits.message_bytes.saturating_mul(64))
        .max_message_size(limits.message_bytes)
        .max_frame_size(limits.message_bytes);
    upgrade.on_upgrade(move |socket| async move {
        let speaks = socket.protocol().is_some();
        let _open = (sockets.inner.opens(), arrival.slot);
        let mut connection = Connection {
            socket,
            protocol: Socket::new(limits.operations),
            operations,
            running: SelectAll::new(),
            stops: HashMap::new(),
            mutations: Arc::new(Semaphore::new(limits.operations)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            sockets: sockets.inner.clone(),
            caller: None,
            from: arrival.from,
            lang,
            id,
            started: 0,
        };
        let close = match speaks {
            true => connection.run().await,
            false => Close::Subprotocol,
        };
        connection.end(close).await;
    })
}

type Running = SelectAll<BoxStream<'static, Event>>;

struct Connection<Query, Mutation, Subscription, A> {
    socket: WebSocket,
    protocol: Socket,
    operations: Arc<Operations<Query, Mutation, Subscription, A>>,
    /// What operations give, each in its turn.
    running: Running,
    /// What ends each of them.
    stops: HashMap<OperationKey, watch::Sender<()>>,
    /// Mutations that may run at once.
    mutations: Arc<Semaphore>,
    /// Where its queries and mutations wait for their turn.
    turns: Arc<Semaphore>,
    sockets: Arc<Inner>,
    caller: Option<(Requester, OfCaller)>,
    /// Where it comes from.
    from: Option<IpAddr>,
    lang: Lang,
    id: RequestId,
    /// How many operations there have been, for their ids.
    started: u64,
}

impl<Query, Mutation, Subscription, A> Connection<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access<Requester = Requester>,
{
    /// Runs until it is to be closed.
    async fn run(&mut self) -> Close {
        let limits = self.sockets.limits;
        let began = Instant::now();
        let mut beat = tokio::time::interval_at(began + limits.beat, limits.beat);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let sockets = self.sockets.clone();
        let mut drained = std::pin::pin!(sockets.drained());
        let mut heard = Instant::now();
        let clock = self.sockets.clock.clone();
        loop {
            let is_new = self.caller.is_none();
            let expires_at = self
                .caller
                .as_ref()
                .and_then(|(requester, _)| requester.expires_at());
            let event = tokio::select! {
                frame = self.socket.recv() => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(Frame::Text(text))) if self.takes(text.len()) => {
                            Event::Text(text.as_str().to_owned())
                        }
                        Some(Ok(Frame::Text(_))) => return Close::TryAgainLater,
                        Some(Ok(Frame::Binary(_))) => Event::Binary,
                        // Answered by the library.
                        Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => continue,
                        Some(Ok(Frame::Close(_))) | None => return Close::Normal,
                        // Too large, not UTF-8, or the connection is gone.
                        Some(Err(error)) => return unread(&error, limits.message_bytes),
                    }
                }
                Some(event) = self.running.next(), if !self.running.is_empty() => event,
                _ = beat.tick() => match heard.elapsed() > limits.beat * 3 {
                    true => return Close::TryAgainLater,
                    false => Event::Beat,
                },
                () = tokio::time::sleep_until(began + limits.init_timeout), if is_new => Event::InitTimeout,
                () = passed(&clock, expires_at) => Event::Expired,
                () = &mut drained => return Close::Restart,
            };
            if let Some(close) = self.handle(event).await {
                return close;
            }
        }
    }

    /// Does what the protocol says; the reason to close, if it is one.
    async fn handle(&mut self, event: Event) -> Option<Close> {
        if let Event::Ended(key) | Event::Failed(key, _) = &event {
            self.stops.remove(key);
        }
        let mut todo: std::collections::VecDeque<Action> = self.protocol.on(event).into();
        while let Some(action) = todo.pop_front() {
            match action {
                Action::Send(text) => {
                    if let Some(close) = self.send(text).await {
                        return Some(close);
                    }
                }
                Action::Authenticate(token) => {
                    match authenticate(&self.operations, token.as_deref(), self.from, &self.id).await {
                        Ok(requester) => match self.enter(&requester) {
                            Some(entered) => {
                                self.caller = Some((requester, entered));
                                todo.extend(self.protocol.on(Event::Authenticated(true)));
                            }
                            None => return Some(Close::TryAgainLater),
                        },
                        Err(false) => todo.extend(self.protocol.on(Event::Authenticated(false))),
                        Err(true) => return Some(Close::TryAgainLater),
                    }
                }
                Action::Renew(token) => {
                    match authenticate(&self.operations, Some(&token), self.from, &self.id).await {
                        Ok(requester) => {
                            let renewed = self.caller.as_mut().is_some_and(|(caller, _)| {
                                let same = caller.is_renewed_by(&requester);
                                if same {
                                    *caller = requester;
                                }
                                same
                            });
                            todo.extend(self.protocol.on(Event::Renewed(renewed)));
                        }
                        Err(false) => todo.extend(self.protocol.on(Event::Renewed(false))),
                        // The old one is good until it ends.
                        Err(true) => {}
                    }
                }
                Action::Start(key, request) => {
                    if let Some(event) = self.start(key, &request) {
                        todo.extend(self.protocol.on(event));
                    }
                }
                Action::Refuse(key) => {
                    let errors = self.one_too_many();
                    todo.extend(self.protocol.on(Event::Failed(key, errors)));
                }
                Action::Stop(key) => drop(self.stops.remove(&key)),
                Action::Close(close) => return Some(close),
            }
        }
        None
    }

    /// Runs an operation; what is to be said at once where it means nothing.
    fn start(&mut self, key: OperationKey, request: &crate::graphql::GraphqlRequest) -> Option<Event> {
        let (requester, _) = self.caller.as_ref()?;
        self.started += 1;
        let id = RequestId::new(&format!("{}-{}", self.id.as_str(), self.started));
        let mut peer = Peer {
            requester: requester.clone(),
            from: self.from,
            lang: self.lang,
            observed: self.operations.begin(Transport::WebSocket, &id),
            id,
            resume: None,
            turns: Some(self.turns.clone()),
            permit: None,
        };
        let prepared = match self.operations.prepare(request, &peer) {
            Ok(prepared) => prepared,
            Err(errors) => return Some(Event::Failed(key, errors)),
        };
        if prepared.kind() == OperationType::Mutation {
            // It runs to its end, whoever ends it: a peer that starts one after the other has no more of them than of others.
            match self.mutations.clone().try_acquire_owned() {
                Ok(permit) => peer.permit = Some(Arc::new(permit)),
                Err(_) => return Some(Event::Failed(key, self.one_too_many())),
            }
        }
        let told = self.operations.start(prepared, request, peer);
        let (stop, mut stopped) = watch::channel(());
        self.stops.insert(key, stop);
        let events = told.map(move |told| match told {
            Told::Next(result) => Event::Next(key, result),
            Told::Failed(errors) => Event::Failed(key, errors),
        });
        let events = events.chain(stream::once(std::future::ready(Event::Ended(key))));
        // Nothing is sent through it: it ends with its sender.
        let until = async move { while stopped.changed().await.is_ok() {} };
        self.running.push(events.take_until(Box::pin(until)).boxed());
        None
    }

    /// Whether a message is read. Small ones are in any case, for what they ask is told what is wrong; of whom nobody knows yet who
    /// it is, the protocol takes no others.
    fn takes(&self, bytes: usize) -> bool {
        let Some((caller, _)) = &self.caller else {
            return true;
        };
        self.operations.pays_for(caller, self.from, bytes) || bytes <= SMALL
    }

    fn enter(&self, requester: &Requester) -> Option<OfCaller> {
        let caller = self.operations.account(requester, self.from);
        self.sockets.enter(&caller)
    }

    /// Errors that say that an operation is one too many.
    fn one_too_many(&self) -> Bytes {
        let most = self.sockets.limits.operations;
        let message = Message::new(
            format!("一个连接最多同时运行 {most} 个操作"),
            format!("At most {most} operations run on one socket"),
        );
        let error = ApiError::new(ErrorCode::RateLimited, message).with_retry_after(1);
        self.operations.refused(error, self.lang, &self.id)
    }

    /// Sends a frame, which the peer must take in time.
    async fn send(&mut self, text: Bytes) -> Option<Close> {
        let Ok(text) = axum::extract::ws::Utf8Bytes::try_from(text) else {
            return Some(Close::BadRequest);
        };
        let sent = tokio::time::timeout(
            self.sockets.limits.write_timeout,
            self.socket.send(Frame::Text(text)),
        );
        match sent.await {
            Ok(Ok(())) => None,
            // Gone, or more than may be written at once: it comes again either way.
            Ok(Err(_)) => Some(Close::TryAgainLater),
            Err(_) => Some(Close::TryAgainLater),
        }
    }

    /// Says why, if the peer still takes it.
    async fn end(mut self, close: Close) {
        self.stops.clear();
        let (code, reason) = close.frame();
        let frame = CloseFrame {
            code,
            reason: reason.into_owned().into(),
        };
        let ends = async {
            let _ = self.socket.send(Frame::Close(Some(frame))).await;
            // The peer's own close frame, or the end of the connection.
            while let Some(Ok(frame)) = self.socket.recv().await {
                if matches!(frame, Frame::Close(_)) {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), ends).await;
    }
}

/// Why a message could not be read. That it was too large is known from the library's words only, whose own types are not to be had
/// here.
fn unread(error: &axum::Error, allowed: usize) -> Close {
    let text = error.to_string();
    let Some((_, sizes)) = text.split_once("Message too long: ") else {
        return Close::BadRequest;
    };
    let found = sizes.split(' ').next().and_then(|size| size.parse().ok());
    Close::TooLarge {
        limit: "message_bytes",
        allowed,
        found,
    }
}

/// Who a token is of; where nobody's, whether it is worth trying again.
async fn authenticate<Query, Mutation, Subscription, A>(
    operations: &Operations<Query, Mutation, Subscription, A>,
    token: Option<&str>,
    from: Option<IpAddr>,
    id: &RequestId,
) -> Result<Requester, bool>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access<Requester = Requester>,
{
    let requester = operations.authenticate(token, from).await;
    requester.map_err(|error| {
        let again = error.retry_after().is_some();
        // Whoever is refused reads a close code; why is for the log.
        operations.refused(error, Lang::default(), id);
        again
    })
}
