//! The overload bench: the service is asked for twice what it can do, for as long as is wanted, while points are pushed into
//! it, and every answer is looked at (see `docs/benchmarks.md`).
//!
//! `cargo bench --bench overload [-- SECONDS]` measures the `zhibu` binary that was built with it, as a process of its own on
//! one processor; the load comes from the others, so that neither waits for the other's.

#[path = "../support/cards.rs"]
mod cards;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "what the other benches need of it")]
mod process;

mod load;
mod points;

/// What the shared rooms name of each other.
mod client {
    /// A request, ready to be sent again and again.
    #[allow(dead_code, reason = "what the other benches need of it")]
    pub struct Ask {
        /// Where to.
        pub url: String,
        /// Its JSON.
        pub body: Vec<u8>,
        /// A kept answer is as good as a new one.
        pub kept: bool,
    }
}

use std::{error::Error, process::ExitCode, time::Duration};

use load::{Asked, Load};
use process::Server;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// How long the load lasts unless the command line says so.
const LASTS: Duration = Duration::from_secs(300);

/// How long what can be done is looked for, and how long it is looked whether it can be done again.
const LOOKS: Duration = Duration::from_secs(15);

/// What of it can be done is asked for at first, and at last.
const EASY: f64 = 0.5;

/// How much more is asked for than can be done.
const TWICE: f64 = 2.0;

fn main() -> ExitCode {
    let lasts = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .map_or(LASTS, Duration::from_secs);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = match runtime {
        Ok(runtime) => runtime.block_on(bench(lasts)),
        Err(error) => Err(error.into()),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overload: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(lasts: Duration) -> Result<(), Failure> {
    let data = tempfile::tempdir()?;
    process::load_demo(data.path(), None)?;
    let token = process::token(data.path())?;
    let service = Server::on_a_processor_of_its_own(data.path()).await?;

    let codes = codes(&service, &token).await?;
    let branch = codes.first().ok_or("no branches")?.clone();
    let asked = Asked::new(&service, &token, cards::DOCUMENT, codes).await?;
    let load = Load::new(asked);
    let can = load.closed(LOOKS).await?;
    println!("what it can do: {can:.0} cards a second (none of them kept)");
    println!("| load | asked a second | answered | 503 | p50 ms | p99 ms | wrong |");
    println!("|---|---|---|---|---|---|---|");
    let before = load.open("half of it", can * EASY, LOOKS).await?;
    let adapter = points::Adapter::start(&service, data.path(), branch).await?;
    let during = load.open("twice as much", can * TWICE, lasts).await?;
    let after = load.open("half of it again", can * EASY, LOOKS).await?;
    let told = adapter.ends().await?;
    println!("points meanwhile: {told}");
    println!("memory: {} MiB", service.resident_bytes()? / 1024 / 1024);
    drop(service);
    let verified = process::verify(data.path(), None);
    match &verified {
        Ok(line) => println!("zhibu verify: {line}"),
        Err(error) => println!("{error}"),
    }

    let mut missed = Vec::new();
    let mut holds = |what: &str, is: bool| {
        println!("{}: {what}", if is { "holds" } else { "DOES NOT HOLD" });
        if !is {
            missed.push(what.to_owned());
        }
    };
    let second = Duration::from_secs(1);
    holds(
        "what it accepts is right",
        before.wrong + during.wrong + after.wrong == 0,
    );
    holds(
        "what it accepts is answered within a second at p99",
        during.p99() < second,
    );
    holds(
        "the rest is told 503 and when to come back",
        during.shed > 0 && during.failed == 0,
    );
    holds(
        "it does no less than half of what it can do with as much as it can do",
        during.a_second() > can * EASY,
    );
    holds(
        "it recovers at once",
        after.shed == 0 && after.failed == 0 && after.p99() < second,
    );
    holds(
        "what it can do nothing is turned away of",
        before.shed == 0 && before.failed == 0,
    );
    holds("no point is lost or booked twice", told.is_whole());
    holds("what is stored twice agrees", verified.is_ok());
    match missed.is_empty() {
        true => Ok(()),
        false => Err(missed.join("; ").into()),
    }
}

/// Codes of branches in an active pairing: their cards are the fullest.
async fn codes(service: &Server, token: &str) -> Result<Vec<String>, Failure> {
    let ask = service.ask(cards::CODES, "", json!({}));
    let request = reqwest::Client::builder().no_proxy().build()?.post(ask.url);
    let request = request
        .bearer_auth(token)
        .header("content-type", "application/json");
    let answer: Value = serde_json::from_slice(&request.body(ask.body).send().await?.bytes().await?)?;
    Ok(cards::codes(&answer).ok_or("no branches")?)
}
