//! A platform's adapter that goes on pushing while the service has more to do than it can, and comes back with what was not
//! taken.

use std::{collections::HashSet, fmt, path::Path, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};
use zhibu::kernel::clock::pause;

use crate::{
    Failure,
    process::{self, Server},
};

/// Entries of a push.
const BATCH: usize = 20;

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(200);

const PUSH: &str = "mutation($input: PushPointsInput!) { pushPoints(input: $input) { accepted duplicates userErrors { message } } }";

const FOUND: &str = "query($after: String) {
  pointEntries(first: 200, after: $after, filter: { sourceCode: \"EJIA\", to: \"2023-01-01T00:00:00Z\" }) {
    nodes { eventId } pageInfo { hasNextPage endCursor }
  }
}";

/// Pushes until it is told to end.
pub struct Adapter {
    stop: oneshot::Sender<()>,
    pushing: JoinHandle<Result<Pushed, Failure>>,
    client: Client,
}

/// What came of it.
pub struct Told {
    pushed: Pushed,
    found: usize,
    lost: usize,
    doubled: usize,
}

#[derive(Default)]
struct Pushed {
    acknowledged: HashSet<String>,
    turned_away: usize,
    longest: Duration,
}

impl Told {
    /// Nothing is lost, nothing is there twice.
    pub fn is_whole(&self) -> bool {
        !self.pushed.acknowledged.is_empty() && self.lost == 0 && self.doubled == 0
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "acknowledged {}, found {}, lost {}, doubled {}; pushes turned away {}, the longest took {} ms",
            self.pushed.acknowledged.len(),
            self.found,
            self.lost,
            self.doubled,
            self.pushed.turned_away,
            self.pushed.longest.as_millis(),
        )
    }
}

impl Adapter {
    /// Begins.
    pub async fn start(service: &Server, data: &Path, branch: String) -> Result<Self, Failure> {
        let client = Client {
            http: reqwest::Client::builder().no_proxy().build()?,
            url: service.ask("", "", json!({})).url,
            adapter: process::token_of(data, &["--role", "ADAPTER", "--source", "EJIA"])?,
            district: process::token(data)?,
            branch,
        };
        let (stop, mut stopped) = oneshot::channel();
        let pusher = client.clone();
        let pushing = tokio::spawn(async move {
            let mut pushed = Pushed::default();
            for batch in 0_usize.. {
                let events: Vec<String> = (0..BATCH).map(|n| format!("overload-{batch}-{n}")).collect();
                pusher.push(&events, &mut pushed).await?;
                pushed.acknowledged.extend(events);
                tokio::select! {
                    () = pause(PAUSE) => {}
                    _ = &mut stopped => break,
                }
            }
            Ok(pushed)
        });
        Ok(Self {
            stop,
            pushing,
            client,
        })
    }

    /// Ends, and compares what was acknowledged with what is there.
    pub async fn ends(self) -> Result<Told, Failure> {
        let _ = self.stop.send(());
        let pushed = self.pushing.await??;
        let mut found = HashSet::new();
        let mut doubled = 0;
        let mut after = Value::Null;
        loop {
            let (_, answer) = self
                .client
                .ask(&self.client.district, FOUND, json!({ "after": after }))
                .await?;
            let page = answer
                .pointer("/data/pointEntries")
                .ok_or_else(|| format!("entries: {answer}"))?;
            for node in page.get("nodes").and_then(Value::as_array).into_iter().flatten() {
                let event = node.get("eventId").and_then(Value::as_str).unwrap_or_default();
                if event.starts_with("overload-") && !found.insert(event.to_owned()) {
                    doubled += 1;
                }
            }
            if page.pointer("/pageInfo/hasNextPage") != Some(&Value::Bool(true)) {
                break;
            }
            after = page.pointer("/pageInfo/endCursor").cloned().unwrap_or_default();
        }
        Ok(Told {
            lost: pushed.acknowledged.difference(&found).count(),
            found: found.len(),
            doubled,
            pushed,
        })
    }
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    adapter: String,
    district: String,
    branch: String,
}

impl Client {
    async fn ask(&self, token: &str, document: &str, variables: Value) -> Result<(u16, Value), Failure> {
        let request = self.http.post(&self.url).bearer_auth(token);
        let request = request.header("content-type", "application/json");
        let body = json!({ "query": document, "variables": variables }).to_string();
        let answer = request.body(body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// Pushes a batch until it is taken.
    async fn push(&self, events: &[String], pushed: &mut Pushed) -> Result<(), Failure> {
        let entries: Vec<Value> = events
            .iter()
            .map(|event| {
                json!({
                    "eventId": event, "branchCode": self.branch, "activity": "THEME_DAY", "points": 1,
                    "occurredAt": "2022-03-01T04:00:00Z",
                })
            })
            .collect();
        let input = json!({ "input": { "sourceCode": "EJIA", "entries": entries } });
        loop {
            let sent = std::time::Instant::now();
            let (status, answer) = self.ask(&self.adapter, PUSH, input.clone()).await?;
            let count = |field: &str| {
                answer
                    .pointer(&format!("/data/pushPoints/{field}"))
                    .and_then(Value::as_u64)
            };
            let taken = count("accepted").unwrap_or(0) + count("duplicates").unwrap_or(0);
            match status {
                200 if taken == events.len() as u64 => {
                    pushed.longest = pushed.longest.max(sent.elapsed());
                    return Ok(());
                }
                503 => {
                    pushed.turned_away += 1;
                    pause(Duration::from_secs(1)).await;
                }
                _ => return Err(format!("a push was answered {status}: {answer}").into()),
            }
        }
    }
}
