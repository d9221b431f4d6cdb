//! graphql-transport-ws (github.com/enisdenjo/graphql-ws, PROTOCOL.md) as a state machine without I/O: what a peer sends and
//! what happens here goes in, what is to be done comes out. `http/socket.rs` does it.
//!
//! The protocol's rules are decided here and nowhere else: who may say what when, which operations run under which id, and
//! with which code a socket is closed.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashMap};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::graphql::request::{MOST_VALUES, values};
use crate::graphql::{GraphqlRequest, RequestParams};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// 1000: the peer has closed, or there is nothing more to do.
    Normal,
    /// 1012: the service restarts; clients come again.
    Restart,
    /// 1013: too slow, or one too many; clients come again.
    TryAgainLater,
    /// 4400: a message that the protocol does not know.
    BadRequest,
    /// 4400: one that passes a limit, by its name in `serviceLimits`.
    TooLarge {
        /// Which.
        limit: &'static str,
        /// What it allows.
        allowed: usize,
        /// What was found, where that is known.
        found: Option<usize>,
    },
    /// 4401: an operation before the connection was acknowledged.
    Unauthorized,
    /// 4403: the token is not taken, or has ended.
    Forbidden,
    /// 4406: the peer does not speak the subprotocol.
    Subprotocol,
    /// 4408: nothing was initialised in time.
    InitTimeout,
    /// 4409: the id of an operation that runs.
    SubscriberExists,
    /// 4429: initialised twice.
    TooManyInits,
}

impl Close {
    /// The code of the close frame, and its reason: at most 123 bytes.
    pub fn frame(self) -> (u16, Cow<'static, str>) {
        let (code, reason) = match self {
            Self::TooLarge {
                limit,
                allowed,
                found,
            } => {
                let found = found.map_or_else(String::new, |found| format!(", {found} were found"));
                return (4400, format!("{limit} allows {allowed}{found}").into());
            }
            Self::Normal => (1000, ""),
            Self::Restart => (1012, "Service restart"),
            Self::TryAgainLater => (1013, "Try again later"),
            Self::BadRequest => (4400, "Invalid message"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::Subprotocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists => (4409, "Subscriber already exists"),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
        };
        (code, reason.into())
    }
}

/// An operation of a socket. Ids of the peer's come again once an operation has ended; these do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationKey(u64);

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A text frame.
    Text(String),
    /// A binary frame, which the protocol does not have.
    Binary,
    /// The peer's token is taken, or not.
    Authenticated(bool),
    /// The token of a ping is taken in place of the first, or not.
    Renewed(bool),
    /// An operation gives a result.
    Next(OperationKey, Bytes),
    /// An operation fails: a list of errors, and nothing more comes.
    Failed(OperationKey, Bytes),
    /// An operation has ended.
    Ended(OperationKey),
    /// Time to see whether the peer is there.
    Beat,
    /// Nothing was initialised in time.
    InitTimeout,
    /// The token has ended.
    Expired,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send a text frame.
    Send(Bytes),
    /// Check the token of the connection: an `Authorization` value, if there is one. [`Event::Authenticated`] answers.
    Authenticate(Option<String>),
    /// Check a token that is to take the place of the first. [`Event::Renewed`] answers.
    Renew(String),
    /// Run an operation.
    Start(OperationKey, Box<GraphqlRequest>),
    /// Do not run an operation: there are as many as there may be. [`Event::Failed`] says so in the peer's language.
    Refuse(OperationKey),
    /// End an operation; what it still gives is not wanted.
    Stop(OperationKey),
    /// Close the socket, and end everything.
    Close(Close),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has been said.
    New,
    /// The token is being checked.
    Initialising,
    /// Operations may run.
    Acknowledged,
    /// It is closed.
    Closed,
}

/// A socket.
#[derive(Debug)]
pub struct Socket {
    state: State,
    /// By the peer's id.
    operations: HashMap<String, OperationKey>,
    /// The other way round.
    ids: HashMap<OperationKey, String>,
    next_key: u64,
    most_operations: usize,
}

/// Bytes of a message before the socket is acknowledged, and of one that is no operation: a token and a little more. **limit**
pub const INIT_MESSAGE_BYTES: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Map<String, Value>> },
    Pong {},
    Subscribe { id: String, payload: RequestParams },
    Complete { id: String },
}

impl Socket {
    /// A new one, for at most so many operations at once.
    pub fn new(most_operations: usize) -> Self {
        Self {
            state: State::New,
            operations: HashMap::new(),
            ids: HashMap::new(),
            next_key: 0,
            most_operations,
        }
    }

    /// How many operations run.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    /// Whether operations may run.
    pub fn is_acknowledged(&self) -> bool {
        self.state == State::Acknowledged
    }

    /// What is to be done about an event, in this order.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        if self.state == State::Closed {
            return Vec::new();
        }
        match event {
            // Before anybody knows who it is, no more than a token is said.
            Event::Text(text) if text.len() > INIT_MESSAGE_BYTES && self.state != State::Acknowledged => {
                self.close(too_long(text.len()))
            }
            Event::Text(text) => match values(text.as_bytes()) {
                found if found > MOST_VALUES => self.close(Close::TooLarge {
                    limit: "values",
                    allowed: MOST_VALUES,
                    found: Some(found),
                }),
                _ => match serde_json::from_str(&text) {
                    Ok(message) => self.said(message, text.len()),
                    Err(_) => self.close(Close::BadRequest),
                },
            },
            Event::Binary => self.close(Close::BadRequest),
            Event::Authenticated(true) if self.state == State::Initialising => {
                self.state = State::Acknowledged;
                vec![send(&json!({ "type": "connection_ack" }))]
            }
            Event::Authenticated(true) | Event::Renewed(true) => Vec::new(),
            Event::Authenticated(false) | Event::Renewed(false) | Event::Expired => {
                self.close(Close::Forbidden)
            }
            Event::Next(key, result) => match self.ids.get(&key) {
                Some(id) => vec![Action::Send(framed(id, "next", &result))],
                None => Vec::new(),
            },
            Event::Failed(key, errors) => match self.end(key) {
                Some(id) => vec![Action::Send(framed(&id, "error", &errors))],
                None => Vec::new(),
            },
            Event::Ended(key) => match self.end(key) {
                Some(id) => vec![send(&json!({ "id": id, "type": "complete" }))],
                None => Vec::new(),
            },
            Event::Beat => match self.state {
                State::Acknowledged => vec![send(&json!({ "type": "ping" }))],
                _ => Vec::new(),
            },
            Event::InitTimeout => match self.state {
                State::New => self.close(Close::InitTimeout),
                _ => Vec::new(),
            },
        }
    }

    /// Closes it for a reason from outside the protocol.
    pub fn close(&mut self, why: Close) -> Vec<Action> {
        if self.state == State::Closed {
            return Vec::new();
        }
        self.state = State::Closed;
        self.operations.clear();
        self.ids.clear();
        vec![Action::Close(why)]
    }

    fn said(&mut self, message: Message, length: usize) -> Vec<Action> {
        match message {
            Message::ConnectionInit { payload } => match self.state {
                State::New => {
                    self.state = State::Initialising;
                    let payload = payload.unwrap_or_default();
                    match payload.get("authorization") {
                        Some(Value::String(token)) => vec![Action::Authenticate(Some(token.clone()))],
                        None | Some(Value::Null) => vec![Action::Authenticate(None)],
                        Some(_) => self.close(Close::Forbidden),
                    }
                }
                _ => self.close(Close::TooManyInits),
            },
            Message::Ping { .. } if length > INIT_MESSAGE_BYTES => self.close(too_long(length)),
            Message::Ping { payload } => self.pinged(payload),
            Message::Pong {} => Vec::new(),
            Message::Subscribe { id, payload } => match payload.into_request() {
                Some(request) => self.subscribe(id, request),
                None => self.close(Close::BadRequest),
            },
            // Of one that has ended: the two have crossed.
            Message::Complete { id } => match self.operations.remove(&id) {
                Some(key) => {
                    self.ids.remove(&key);
                    vec![Action::Stop(key)]
                }
                None => Vec::new(),
            },
        }
    }

    /// A ping is answered with its own payload; one that brings a token asks for it to be taken.
    fn pinged(&mut self, payload: Option<Map<String, Value>>) -> Vec<Action> {
        let Some(payload) = payload else {
            return vec![send(&json!({ "type": "pong" }))];
        };
        match payload.get("authorization") {
            Some(Value::String(token)) if self.state == State::Acknowledged => {
                // Not echoed: a token is said no more often than it must.
                vec![Action::Renew(token.clone()), send(&json!({ "type": "pong" }))]
            }
            Some(_) => vec![send(&json!({ "type": "pong" }))],
            None => vec![send(&json!({ "type": "pong", "payload": payload }))],
        }
    }

    fn subscribe(&mut self, id: String, request: GraphqlRequest) -> Vec<Action> {
        if self.state != State::Acknowledged {
            return self.close(Close::Unauthorized);
        }
        if id.is_empty() {
            return self.close(Close::BadRequest);
        }
        if self.operations.contains_key(&id) {
            return self.close(Close::SubscriberExists);
        }
        let is_one_too_many = self.operations.len() >= self.most_operations;
        let key = OperationKey(self.next_key);
        self.next_key += 1;
        self.operations.insert(id.clone(), key);
        self.ids.insert(key, id);
        if is_one_too_many {
            return vec![Action::Refuse(key)];
        }
        vec![Action::Start(key, Box::new(request))]
    }

    fn end(&mut self, key: OperationKey) -> Option<String> {
        let id = self.ids.remove(&key)?;
        self.operations.remove(&id);
        Some(id)
    }
}

fn too_long(found: usize) -> Close {
    Close::TooLarge {
        limit: "init_message_bytes",
        allowed: INIT_MESSAGE_BYTES,
        found: Some(found),
    }
}

fn send(message: &Value) -> Action {
    Action::Send(message.to_string().into())
}

/// A message around a payload that is JSON already.
fn framed(id: &str, kind: &str, payload: &[u8]) -> Bytes {
    let id = Value::from(id).to_string();
    let mut frame = Vec::with_capacity(payload.len() + id.len() + 40);
    for part in [
        b"{\"id\":",
        id.as_bytes(),
        b",\"type\":\"",
        kind.as_bytes(),
        b"\",\"payload\":",
        payload,
        b"}",
    ] {
        frame.extend_from_slice(part);
    }
    frame.into()
}
