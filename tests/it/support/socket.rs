//! A client of graphql-transport-ws, frame by frame: what the npm clients hide.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::app::TestApp;

/// How long anything may take that is to come.
const SOON: Duration = Duration::from_secs(60);

/// A socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// One on which nothing has been said.
    pub async fn raw(app: &TestApp, protocol: Option<&'static str>) -> Self {
        Self::at(&app.url, protocol).await.expect("an upgrade")
    }

    /// The same of a service elsewhere; None where there is none.
    pub async fn at(url: &str, protocol: Option<&'static str>) -> Option<Self> {
        let url = format!("{}/graphql", url.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_static(protocol);
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        request
            .headers_mut()
            .insert("accept-language", HeaderValue::from_static("en"));
        let (stream, _) = connect_async(request).await.ok()?;
        Some(Self { stream })
    }

    /// One that is acknowledged.
    pub async fn open(app: &TestApp, token: Option<&str>) -> Self {
        let mut socket = Self::raw(app, Some("graphql-transport-ws")).await;
        socket.init(token).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket
    }

    /// Begins, with a token or without.
    pub async fn init(&mut self, token: Option<&str>) {
        let payload = token.map(|token| json!({ "authorization": format!("Bearer {token}") }));
        self.say(json!({ "type": "connection_init", "payload": payload }))
            .await;
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.frame(Message::text(message.to_string())).await;
    }

    /// Sends a frame.
    pub async fn frame(&mut self, frame: Message) {
        let sent = tokio::time::timeout(SOON, self.stream.send(frame));
        sent.await.expect("the service reads").expect("it is open");
    }

    /// Asks for an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// The next message; pings are answered.
    pub async fn hear(&mut self) -> Value {
        loop {
            match self.next().await {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect(&text);
                    if message["type"] != "ping" {
                        return message;
                    }
                    self.say(json!({ "type": "pong" })).await;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The data of the next message, which is a result of an operation.
    pub async fn next_of(&mut self, id: &str) -> Value {
        let message = self.hear().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("next"), &json!(id)),
            "{message}"
        );
        assert_eq!(message["payload"].get("errors"), None, "{message}");
        message["payload"]["data"].clone()
    }

    /// With which code it is closed, whatever comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Message::Close(Some(frame)) => {
                    // Lets the library answer it.
                    let _ = tokio::time::timeout(SOON, self.stream.next()).await;
                    return frame.code.into();
                }
                Message::Close(None) => panic!("closed without a code"),
                _ => {}
            }
        }
    }

    /// The next message, pings answered; None where the socket ended, or nothing came within `patience`.
    pub async fn hear_within(&mut self, patience: Duration) -> Option<Value> {
        let hear = async {
            loop {
                match self.stream.next().await?.ok()? {
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).ok()?;
                        if message["type"] != "ping" {
                            return Some(message);
                        }
                        let pong = json!({ "type": "pong" }).to_string();
                        self.stream.send(Message::text(pong)).await.ok()?;
                    }
                    Message::Ping(_) | Message::Pong(_) => {}
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(patience, hear).await.ok().flatten()
    }

    /// Sends a message; whether the socket took it.
    pub async fn try_say(&mut self, message: Value) -> bool {
        let sent = self.stream.send(Message::text(message.to_string()));
        tokio::time::timeout(SOON, sent)
            .await
            .is_ok_and(|sent| sent.is_ok())
    }

    pub async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(SOON, self.stream.next());
        next.await
            .expect("something comes")
            .expect("it is open")
            .expect("a frame")
    }
}
