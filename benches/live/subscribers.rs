//! Many subscribers of one value over sockets of their own: resident memory of each, and how long a change takes to the last.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use crate::{Failure, client, process::Server, verdict};

/// KiB of resident memory a subscriber: **target**.
const TARGET: f64 = 16.0;
/// Changes that are told, one after the other.
const CHANGES: usize = 5;
const BOARD: &str =
    r#"subscription { leaderboard(period: "2022", first: 20) { rows { rank total branch { code name } } } }"#;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn measure(server: &Server, token: &str, count: usize) -> Result<(), Failure> {
    let before = server.resident_bytes()?;
    let sockets: Vec<Result<Socket, Failure>> = stream::iter(0..count)
        .map(|_| subscribed(server.address(), token))
        .buffer_unordered(32)
        .collect()
        .await;
    let sockets = sockets.into_iter().collect::<Result<Vec<_>, _>>()?;
    let after = server.resident_bytes()?;
    let each = (after.saturating_sub(before)) as f64 / 1024.0 / count as f64;
    println!(
        "{count} subscribers of one value: {:.1} MiB resident before, {:.1} MiB with them, {each:.1} KiB each  {} {TARGET} KiB",
        before as f64 / 1048576.0,
        after as f64 / 1048576.0,
        verdict(each <= TARGET),
    );

    let (told, mut heard) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    for mut socket in sockets {
        let (told, mut stopped) = (told.clone(), stopped.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) if text.contains("\"next\"") => {
                            if told.send(Instant::now()).is_err() {
                                return;
                            }
                        }
                        Some(Ok(Message::Text(text))) if text.contains("\"ping\"") => {
                            let _ = socket.send(Message::text(r#"{"type":"pong"}"#)).await;
                        }
                        Some(Ok(_)) => {}
                        _ => return,
                    },
                    _ = stopped.changed() => return,
                }
            }
        });
    }
    drop(told);
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let began = Instant::now();
        adjust(server, token, count + change).await?;
        let committed = began.elapsed();
        let mut last = began;
        for _ in 0..count {
            let next = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await;
            last = next?.ok_or("the subscribers have gone")?;
        }
        times.push((last - began, committed));
    }
    times.sort_unstable();
    if let Some((last, committed)) = times.get(CHANGES / 2) {
        println!(
            "{count} subscribers, one change: told to the last after {:.0} ms (median of {CHANGES}; the mutation itself {:.0} ms)",
            last.as_secs_f64() * 1000.0,
            committed.as_secs_f64() * 1000.0,
        );
    }
    let _ = stop.send(true);
    Ok(())
}

/// A socket that was told the value.
async fn subscribed(address: &str, token: &str) -> Result<Socket, Failure> {
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096);
    let (mut socket, _) = connect_async_with_config(request, Some(config), true).await?;
    let init =
        json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    socket.send(Message::text(init.to_string())).await?;
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": BOARD } });
    loop {
        let message = socket.next().await.ok_or("the socket has ended")??;
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text)?;
        match message.get("type").and_then(Value::as_str) {
            Some("connection_ack") => socket.send(Message::text(subscribe.to_string())).await?,
            Some("next") => return Ok(socket),
            Some("ping") => socket.send(Message::text(r#"{"type":"pong"}"#)).await?,
            _ => return Err(format!("{message}").into()),
        }
    }
}

/// Moves the leaderboard.
async fn adjust(server: &Server, token: &str, number: usize) -> Result<(), Failure> {
    let first = "{ branches(first: 1, orderBy: POINTS_DESC) { nodes { id } } }";
    let answer = client::once(&server.ask(first, "", json!({})), token).await?;
    let branch = answer
        .pointer("/data/branches/nodes/0/id")
        .cloned()
        .unwrap_or_default();
    let document =
        "mutation($input: AdjustPointsInput!) { adjustPoints(input: $input) { userErrors { message } } }";
    let input = json!({ "branchId": branch, "points": 1, "occurredAt": "2022-06-01T12:00:00+08:00", "note": "对账",
        "documentNumber": format!("文〔2022〕{number}号") });
    let answer = client::once(&server.ask(document, "", json!({ "input": input })), token).await?;
    match answer
        .pointer("/data/adjustPoints/userErrors")
        .and_then(Value::as_array)
    {
        Some(errors) if errors.is_empty() => Ok(()),
        _ => Err(format!("{answer}").into()),
    }
}
