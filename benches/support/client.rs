//! The load: keep-alive connections on loopback, a bounded number of requests.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Failure;

/// A request, ready to be sent again and again.
#[derive(Clone)]
pub struct Ask {
    /// Where to.
    pub url: String,
    /// Its JSON.
    pub body: Vec<u8>,
    /// A kept answer is as good as a new one.
    pub kept: bool,
}

/// How long answers took.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds others.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
        self.0.sort_unstable();
    }

    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}/{:.2}", self.percentile(50), self.percentile(99))
    }
}

fn connection() -> Result<reqwest::Client, Failure> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        // The service packs, the loops by hand do not: both are to give the same bytes.
        .no_gzip()
        .pool_max_idle_per_host(1)
        .build()?)
}

async fn send(client: &reqwest::Client, ask: &Ask, token: &str) -> Result<Vec<u8>, Failure> {
    let request = client
        .post(&ask.url)
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(ask.body.clone());
    let request = match ask.kept {
        true => request,
        false => request.header("cache-control", "no-cache"),
    };
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    if !status.is_success() || body.starts_with(b"{\"errors\"") {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(body.to_vec())
}

/// One request, for its answer.
pub async fn once(ask: &Ask, token: &str) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&send(&connection()?, ask, token).await?)?)
}

/// So many requests over so many connections.
pub async fn run(
    asks: &[Ask],
    token: &str,
    connections: usize,
    requests: usize,
) -> Result<Latencies, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (client, asks, token, next) = (connection()?, asks.to_vec(), token.to_owned(), next.clone());
        workers.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(ask) = asks.get(n % asks.len().max(1)).filter(|_| n < requests) else {
                    return Ok::<_, Failure>(latencies);
                };
                let sent = Instant::now();
                send(&client, ask, &token).await?;
                latencies.push(sent.elapsed());
            }
        }));
    }
    let mut latencies = Latencies::default();
    for worker in workers {
        latencies.extend(Latencies(worker.await??));
    }
    Ok(latencies)
}
