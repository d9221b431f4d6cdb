//! Cards, asked for at a rate that does not wait for answers, as callers do who know nothing of each other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{Failure, client::Ask, process::Server};

/// Callers that ask for their next card once they have one, where it is looked for what can be done.
const CALLERS: usize = 32;

/// Requests under way at most. Beyond them the load is not what it is said to be, and is a failure of this bench.
const UNDER_WAY: usize = 1_500;

/// How long a caller waits at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked, and what is to be answered.
pub struct Asked {
    client: reqwest::Client,
    token: String,
    cards: Vec<(Ask, Bytes)>,
}

impl Asked {
    /// Cards of these branches, each asked for once for what it holds.
    pub async fn new(
        service: &Server,
        token: &str,
        document: &str,
        codes: Vec<String>,
    ) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .pool_max_idle_per_host(UNDER_WAY)
            .timeout(PATIENCE)
            .build()?;
        let mut asked = Self {
            client,
            token: token.to_owned(),
            cards: Vec::new(),
        };
        for code in codes {
            let ask = service.ask(document, "", json!({ "code": code }));
            let answer = asked.send(&ask).await?;
            if !answer.status().is_success() {
                return Err(format!("{code}: {}", answer.status()).into());
            }
            asked.cards.push((ask, answer.bytes().await?));
        }
        Ok(asked)
    }

    async fn send(&self, ask: &Ask) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.client.post(&ask.url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json");
        // Made anew: a card that is kept costs next to nothing.
        let request = request.header("cache-control", "no-cache");
        request.body(ask.body.clone()).send().await
    }

    async fn one(&self, n: usize) -> Answer {
        let Some((ask, expected)) = self.cards.get(n % self.cards.len().max(1)) else {
            return Answer::Failed;
        };
        let Ok(answer) = self.send(ask).await else {
            return Answer::Failed;
        };
        let status = answer.status().as_u16();
        let comes_back = answer.headers().contains_key("retry-after");
        let Ok(body) = answer.bytes().await else {
            return Answer::Failed;
        };
        match status {
            200 if body == *expected => Answer::Right,
            200 => Answer::Wrong,
            503 if comes_back => Answer::Shed,
            _ => Answer::Failed,
        }
    }
}

enum Answer {
    Right,
    Wrong,
    Shed,
    Failed,
}

/// What became of a load.
#[derive(Default)]
pub struct Outcome {
    took: Duration,
    latencies: Vec<Duration>,
    /// Answers that are not what they were.
    pub wrong: usize,
    /// 503 with `Retry-After`.
    pub shed: usize,
    /// Whatever else.
    pub failed: usize,
}

impl Outcome {
    fn count(&mut self, answer: &Answer, took: Duration) {
        match answer {
            Answer::Right => self.latencies.push(took),
            Answer::Wrong => self.wrong += 1,
            Answer::Shed => self.shed += 1,
            Answer::Failed => self.failed += 1,
        }
    }

    /// Right answers a second.
    pub fn a_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// Of right answers, from when they were to be asked for.
    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }

    fn percentile(&self, percent: usize) -> Duration {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }

    fn print(&self, name: &str, rate: f64) {
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        println!(
            "| {name} | {rate:.0} | {} | {} | {:.1} | {:.1} | {} |",
            self.latencies.len(),
            self.shed,
            millis(50),
            millis(99),
            self.wrong + self.failed,
        );
    }
}

/// Who asks.
pub struct Load {
    asked: Arc<Asked>,
}

impl Load {
    /// For these.
    pub fn new(asked: Asked) -> Self {
        Self {
            asked: Arc::new(asked),
        }
    }

    /// Answers a second where each caller waits for its answer.
    pub async fn closed(&self, lasts: Duration) -> Result<f64, Failure> {
        let began = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (asked, next) = (self.asked.clone(), next.clone());
            callers.spawn(async move {
                let mut right = 0_usize;
                while began.elapsed() < lasts {
                    match asked.one(next.fetch_add(1, Ordering::Relaxed)).await {
                        Answer::Right => right += 1,
                        _ => return Err("a card is not answered without any load"),
                    }
                }
                Ok(right)
            });
        }
        let mut right = 0;
        while let Some(caller) = callers.join_next().await {
            right += caller??;
        }
        Ok(right as f64 / began.elapsed().as_secs_f64())
    }

    /// Asks so often a second, whatever comes of it. A request that is late counts from when it was due.
    pub async fn open(&self, name: &str, rate: f64, lasts: Duration) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let all = (rate * lasts.as_secs_f64()) as usize;
        let room = Arc::new(Semaphore::new(UNDER_WAY));
        let mut asked = JoinSet::new();
        let mut outcome = Outcome::default();
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        let mut n = 0;
        while n < all {
            ticks.tick().await;
            let due = ((began.elapsed().as_secs_f64() * rate) as usize).min(all);
            while n < due {
                let at = began + Duration::from_secs_f64(n as f64 / rate);
                let place = room
                    .clone()
                    .try_acquire_owned()
                    .map_err(|_| "more requests are under way than this bench holds")?;
                let (this, of) = (self.asked.clone(), n);
                asked.spawn(async move {
                    let answer = this.one(of).await;
                    drop(place);
                    (answer, at.elapsed())
                });
                n += 1;
            }
            while let Some(ended) = asked.try_join_next() {
                let (answer, took) = ended?;
                outcome.count(&answer, took);
            }
        }
        while let Some(ended) = asked.join_next().await {
            let (answer, took) = ended?;
            outcome.count(&answer, took);
        }
        outcome.took = began.elapsed();
        outcome.latencies.sort_unstable();
        outcome.print(name, rate);
        Ok(outcome)
    }
}
