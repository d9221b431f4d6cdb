//! The load bench: what an answer costs in CPU time, server and database together, beside a plain axum handler that
//! runs hand-written SQL for the same answer (see `docs/benchmarks.md`).
//!
//! `cargo bench --bench load` measures the `zhibu` binary that was built with it, as a process of its own. The same
//! bench, called as `load handwritten …`, is the handler it is compared with.

#[path = "../support/cards.rs"]
mod cards;
#[path = "../support/client.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod client;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod postgres;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod process;

mod handwritten;
mod report;

use std::{error::Error, fmt, path::Path, process::ExitCode};

use client::{Ask, Latencies};
use process::{CpuTime, Server};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that ask at once, each its next request as soon as it has an answer.
const CONNECTIONS: usize = 16;
/// Requests before anything is counted: pools open, statements are prepared, documents are kept.
const WARM_UP: usize = 1_000;
/// The service and the handler take turns, so that a machine that slows down slows both.
const TURNS: usize = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// One branch with what a card on a phone shows of it.
    Card,
    /// A page of 50 branches.
    List,
}

impl Answer {
    const ALL: [Self; 2] = [Self::Card, Self::List];

    fn document(self) -> &'static str {
        match self {
            Self::Card => cards::DOCUMENT,
            Self::List => {
                "{
                   branches(first: 50) {
                     nodes {
                       code name domain isGold
                       organization { name }
                       brand { name }
                       term { endsOn }
                       pairings(first: 5) { nodes { title members { branch { name } } } }
                     }
                   }
                 }"
            }
        }
    }

    /// Requests that are counted, in each turn.
    fn requests(self) -> usize {
        match self {
            Self::Card => 5_000,
            Self::List => 2_500,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Card => "branch card",
            Self::List => "list page of 50",
        })
    }
}

/// What was measured of one server.
#[derive(Default)]
struct Measured {
    requests: usize,
    server: CpuTime,
    database: CpuTime,
    latencies: Latencies,
}

impl Measured {
    /// Microseconds of CPU time a request, of the server and of its database.
    fn micros(&self) -> (f64, f64) {
        let each = |time: CpuTime| time.micros() / self.requests.max(1) as f64;
        (each(self.server), each(self.database))
    }
}

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ran = match arguments.get(1).map(String::as_str) {
        Some("handwritten") => runtime.block_on(handwritten::serve(&arguments)),
        _ => runtime.block_on(bench()),
    };
    // A target that is missed is printed, not failed: the figures depend on the machine.
    if let Err(error) = ran {
        eprintln!("load: {error}");
        if arguments.len() > 2 {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn bench() -> Result<(), Failure> {
    report::heading();
    let data = tempfile::tempdir()?;
    on_database("SQLite", data.path(), None).await?;
    match postgres::url() {
        Ok(url) => {
            let data = tempfile::tempdir()?;
            on_database("PostgreSQL", data.path(), Some(&url)).await?;
        }
        Err(missing) => println!("PostgreSQL: not measured, {missing}"),
    }
    Ok(())
}

async fn on_database(name: &str, data: &Path, url: Option<&str>) -> Result<(), Failure> {
    process::load_demo(data, url)?;
    let database = match url {
        Some(url) => {
            postgres::settle(url).await?;
            postgres::postmaster(url).await?
        }
        None => None,
    };
    if url.is_some() && database.is_none() {
        println!("{name}: the server is on another machine, so that its CPU time is not counted");
    }
    let token = process::token(data)?;
    let service = Server::service(data, url).await?;
    let handler = Server::handwritten(data, url).await?;

    let codes = codes(&service, &token).await?;
    for answer in Answer::ALL {
        let asks = |server: &Server| -> Vec<Ask> {
            match answer {
                Answer::Card => codes
                    .iter()
                    .map(|code| server.ask(answer.document(), "/card", json!({ "code": code })))
                    .collect(),
                Answer::List => vec![server.ask(answer.document(), "/list", json!({}))],
            }
        };
        let (of_service, of_handler) = (asks(&service), asks(&handler));
        let (mut leaves, of_asks) = (0, of_service.len().max(1));
        for (one, other) in of_service.iter().zip(&of_handler) {
            let (one, other) = (
                client::once(one, &token).await?,
                client::once(other, &token).await?,
            );
            if one.get("data") != Some(&other) {
                return Err(format!("{answer}: the service answers {one:#}, the handler {other:#}").into());
            }
            leaves += leaf_fields(&other);
        }
        let mut measured = [Measured::default(), Measured::default()];
        for _ in 0..TURNS {
            for (measured, (server, asks)) in measured
                .iter_mut()
                .zip([(&service, &of_service), (&handler, &of_handler)])
            {
                client::run(asks, &token, CONNECTIONS, WARM_UP).await?;
                let (server_before, database_before) = (server.cpu()?, process::cpu_of_tree(database)?);
                measured
                    .latencies
                    .extend(client::run(asks, &token, CONNECTIONS, answer.requests()).await?);
                measured.requests += answer.requests();
                measured.server += server.cpu()? - server_before;
                measured.database += process::cpu_of_tree(database)? - database_before;
            }
        }
        let [of_service, of_handler] = measured;
        report::row(
            name,
            answer,
            &of_service,
            &of_handler,
            leaves as f64 / of_asks as f64,
            url.is_some(),
        );
    }
    let resident = service.resident_bytes()?;
    drop(service);
    // Once more, with the database as a deployment would find it after a restart.
    let ready = Server::service(data, url).await?.ready_after();
    report::process(name, resident, ready);
    Ok(())
}

/// Codes of branches in an active pairing: their cards are the fullest.
async fn codes(service: &Server, token: &str) -> Result<Vec<String>, Failure> {
    let answer = client::once(&service.ask(cards::CODES, "", json!({})), token).await?;
    Ok(cards::codes(&answer).ok_or("no branches")?)
}

/// Values of an answer that are no objects and no lists of objects.
fn leaf_fields(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(leaf_fields).sum(),
        Value::Array(items) => items.iter().map(leaf_fields).sum(),
        _ => 1,
    }
}
