//! A platform's adapter, as the service meets it: pushes by `pushPoints` and by streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::{Failure, entries::Entry, process::Server};

const DOCUMENT: &str =
    "mutation($input: PushPointsInput!) { pushPoints(input: $input) { accepted userErrors { message } } }";

/// Somebody who may push into the service.
pub struct Adapter {
    address: String,
    token: String,
}

impl Adapter {
    /// A running service.
    pub fn new(server: &Server, token: &str) -> Result<Self, Failure> {
        let ask = server.ask("", "", json!({}));
        let address = ask.url.strip_prefix("http://").ok_or("an address")?;
        let address = address.split('/').next().ok_or("an address")?;
        Ok(Self {
            address: address.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Pushes batches by `pushPoints`, so many callers at once; how long it took until all were durable.
    pub async fn push(&self, batches: Vec<Vec<Entry>>, callers: usize) -> Result<Duration, Failure> {
        let size = batches.first().map_or(0, Vec::len);
        let bodies: Arc<Vec<Vec<u8>>> = Arc::new(
            batches
                .into_iter()
                .map(|batch| {
                    let entries: Vec<Value> = batch.iter().map(Entry::json).collect();
                    let input = json!({ "input": { "sourceCode": "EJIA", "entries": entries } });
                    json!({ "query": DOCUMENT, "variables": input })
                        .to_string()
                        .into_bytes()
                })
                .collect(),
        );
        let next = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (bodies, next) = (bodies.clone(), next.clone());
            let (url, token) = (format!("http://{}/graphql", self.address), self.token.clone());
            tasks.spawn(async move {
                let client = reqwest::Client::builder().no_proxy().build()?;
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request = client
                        .post(&url)
                        .bearer_auth(&token)
                        .header("content-type", "application/json");
                    let answer = request.body(body.clone()).send().await?.bytes().await?;
                    let answer: Value = serde_json::from_slice(&answer)?;
                    let accepted = answer
                        .pointer("/data/pushPoints/accepted")
                        .and_then(Value::as_u64);
                    if accepted != Some(size as u64) {
                        return Err(Failure::from(format!("a push was answered {answer}")));
                    }
                }
                Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(started.elapsed())
    }

    /// Delivers batches as one stream of lines; how long it took until all were durable. `told` hears of each chunk.
    pub async fn stream(
        &self,
        batches: Vec<Vec<Entry>>,
        mut told: impl FnMut(u64),
    ) -> Result<Duration, Failure> {
        let expected: usize = batches.iter().map(Vec::len).sum();
        let started = Instant::now();
        let (read, mut write) = TcpStream::connect(&self.address).await?.into_split();
        let head = format!(
            "POST /platform/EJIA/points HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            self.address, self.token
        );
        write.write_all(head.as_bytes()).await?;
        let writer = tokio::spawn(async move {
            for batch in batches {
                let lines: String = batch.iter().map(|entry| format!("{}\n", entry.json())).collect();
                write
                    .write_all(format!("{:x}\r\n{lines}\r\n", lines.len()).as_bytes())
                    .await?;
            }
            write.write_all(b"0\r\n\r\n").await?;
            Ok::<_, std::io::Error>(write)
        });
        let mut lines = BufReader::new(read).lines();
        let mut last = Value::Null;
        while let Some(line) = lines.next_line().await? {
            if line.starts_with('{') {
                last = serde_json::from_str(&line)?;
                told(last.get("through").and_then(Value::as_u64).unwrap_or_default());
            }
        }
        writer.await??;
        if last.get("done") != Some(&Value::Bool(true)) || last.get("accepted") != Some(&json!(expected)) {
            return Err(format!("the stream ended with {last}").into());
        }
        Ok(started.elapsed())
    }
}
