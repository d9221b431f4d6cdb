//! The points bench: how many entries a second become durable, beside a loop that makes the same rows by hand, and what a
//! rank and a leaderboard cost the database (see `docs/benchmarks.md`).
//!
//! `cargo bench --bench points` measures the `zhibu` binary that was built with it, as a process of its own.

#[path = "../support/client.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod client;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod postgres;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "what the other bench needs of it")]
mod process;

mod adapter;
mod by_hand;
mod entries;
mod ranks;

use std::{error::Error, process::ExitCode};

use by_hand::ByHand;
use entries::Entries;
use process::Server;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// Entries of a large batch.
const LARGE: usize = 1000;
/// Entries of a small batch, of which many callers push one after the other.
const SMALL: usize = 10;
/// Callers with small batches.
const CALLERS: usize = 64;
/// Thousands of rows of a stream.
const STREAM: usize = 30;
/// The service and the loop take turns, so that a machine that slows down slows both.
const TURNS: usize = 2;
/// The least ratio of batches of 1,000 and of the stream.
const TARGET: f64 = 0.5;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("points: {error}");
            return ExitCode::FAILURE;
        }
    };
    // A target that is missed is printed, not failed: the figures depend on the machine.
    if let Err(error) = runtime.block_on(bench()) {
        eprintln!("points: {error}");
    }
    ExitCode::SUCCESS
}

async fn bench() -> Result<(), Failure> {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| !one.starts_with('-'))
        .collect();
    let runs = |name: &str| asked.is_empty() || asked.iter().any(|one| one == name);
    let postgres = postgres::url();
    if runs("push") {
        println!("durable entries a second: by the service, by hand, ratio");
        let data = tempfile::tempdir()?;
        let file = format!("sqlite:{}", data.path().join("by-hand.db").display());
        pushes("SQLite", None, &file, runs("million")).await?;
        match &postgres {
            Ok(url) => {
                let ours = database_of(url, "points_service").await?;
                let theirs = database_of(url, "points_by_hand").await?;
                pushes("PostgreSQL", Some(&ours), &theirs, runs("million")).await?;
            }
            Err(missing) => println!("PostgreSQL: not measured, {missing}"),
        }
    }
    if runs("ranks") {
        match &postgres {
            Ok(url) => ranks::measure(&database_of(url, "points_ranks").await?).await?,
            Err(missing) => println!("PostgreSQL: ranks not measured, {missing}"),
        }
    }
    Ok(())
}

/// A new database beside the one of a URL.
async fn database_of(url: &str, name: &str) -> Result<String, Failure> {
    let connection = Database::connect(url).await?;
    connection
        .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .await?;
    connection
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await?;
    connection.close().await?;
    let mut url: url::Url = url.parse()?;
    url.set_path(name);
    Ok(url.into())
}

/// A connection of the bench's own.
async fn connect(url: &str, most: u32) -> Result<DatabaseConnection, Failure> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(most).sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

/// Measures pushes into the service's database and into one of the loop's own, both of which begin with the demonstration.
async fn pushes(name: &str, ours: Option<&str>, theirs: &str, million: bool) -> Result<(), Failure> {
    let data = tempfile::tempdir()?;
    let hand_data = tempfile::tempdir()?;
    process::load_demo(data.path(), ours)?;
    process::load_demo(hand_data.path(), Some(theirs))?;
    let by_hand = ByHand::open(theirs).await?;
    let server = Server::plain_service(data.path(), ours).await?;
    let token = process::token(data.path())?;
    let service = adapter::Adapter::new(&server, &token)?;
    let mut ours_of = Entries::new("S", by_hand.codes());
    let mut theirs_of = Entries::new("H", by_hand.codes());

    service.push(ours_of.batches(3, LARGE), 1).await?;
    by_hand.insert(theirs_of.batches(3, LARGE), 1).await?;
    for (what, callers, batches, size, target) in [
        ("one caller, batches of 1,000", 1, 30, LARGE, Some(TARGET)),
        ("64 callers, batches of 10", CALLERS, 640, SMALL, None),
    ] {
        let (mut service_rate, mut hand_rate) = (Rate::default(), Rate::default());
        for _ in 0..TURNS {
            service_rate.add(
                batches * size,
                service.push(ours_of.batches(batches, size), callers).await?,
            );
            hand_rate.add(
                batches * size,
                by_hand.insert(theirs_of.batches(batches, size), callers).await?,
            );
        }
        report(name, what, service_rate, hand_rate, target);
    }
    let (mut service_rate, mut hand_rate) = (Rate::default(), Rate::default());
    for _ in 0..TURNS {
        let rows = ours_of.batches(STREAM, LARGE);
        service_rate.add(STREAM * LARGE, service.stream(rows, |_| {}).await?);
        hand_rate.add(
            STREAM * LARGE,
            by_hand.insert(theirs_of.batches(STREAM, LARGE), 1).await?,
        );
    }
    report(name, "stream (NDJSON)", service_rate, hand_rate, Some(TARGET));

    if million {
        println!("{name}, resident memory while a million entries come in one stream:");
        let before = server.resident_bytes()?;
        let mut most = before;
        for hundred in 1..=10 {
            service
                .stream(ours_of.batches(100, LARGE), |_| {
                    most = most.max(server.resident_bytes().unwrap_or_default());
                })
                .await?;
            println!(
                "  {:>9} {:.1} MiB",
                hundred * 100_000,
                mebibytes(server.resident_bytes()?)
            );
        }
        println!(
            "  before {:.1} MiB, at most {:.1} MiB",
            mebibytes(before),
            mebibytes(most)
        );
    }
    drop(server);
    let verified = process::verify(data.path(), ours)?;
    println!("{name}, zhibu verify afterwards: {verified}");
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// Entries, and the time they took.
#[derive(Clone, Copy, Default)]
struct Rate {
    entries: usize,
    seconds: f64,
}

impl Rate {
    fn add(&mut self, entries: usize, took: std::time::Duration) {
        self.entries += entries;
        self.seconds += took.as_secs_f64();
    }

    fn a_second(self) -> f64 {
        self.entries as f64 / self.seconds
    }
}

fn report(name: &str, what: &str, service: Rate, hand: Rate, target: Option<f64>) {
    let ratio = service.a_second() / hand.a_second();
    let verdict = match target {
        Some(target) if ratio < target => format!("MISSED, at least {target}"),
        Some(target) => format!("within {target}"),
        None => String::new(),
    };
    println!(
        "{name:<11} {what:<30} {:>8.0} {:>8.0} {ratio:>6.2} {verdict}",
        service.a_second(),
        hand.a_second()
    );
}
