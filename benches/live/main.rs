//! The live bench: what a subscriber costs, how fast a change reaches all of them, and what a kept result costs (see
//! `docs/benchmarks.md`).
//!
//! `cargo bench --bench live` measures the `zhibu` binary that was built with it, as a process of its own, on SQLite.

#[path = "../support/client.rs"]
#[allow(dead_code, reason = "what the other benches need of it")]
mod client;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "what the other benches need of it")]
mod process;

mod results;
mod subscribers;
mod wall;

use std::{error::Error, process::ExitCode};

use process::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("live: {error}");
            return ExitCode::FAILURE;
        }
    };
    let arguments: Vec<String> = std::env::args().collect();
    let ran = match arguments.get(1).map(String::as_str) {
        Some("handwritten") => runtime.block_on(results::plain(&arguments)),
        _ => runtime.block_on(bench()),
    };
    // A target that is missed is printed, not failed: the figures depend on the machine.
    if let Err(error) = ran {
        eprintln!("live: {error}");
    }
    ExitCode::SUCCESS
}

async fn bench() -> Result<(), Failure> {
    let data = tempfile::tempdir()?;
    process::load_demo(data.path(), None)?;
    let token = process::token(data.path())?;
    // Not as a demonstration: what it pulls from itself would be measured too.
    let server = Server::plain_service(data.path(), None).await?;
    results::measure(&server, data.path(), &token).await?;
    wall::measure(&server, data.path(), &token).await?;
    drop(server);
    for count in [1_000, 10_000] {
        // A process of its own each: memory that was used once is not given back.
        let server = Server::plain_service(data.path(), None).await?;
        subscribers::measure(&server, &token, count).await?;
    }
    Ok(())
}

/// What the ratio of a target comes to, in words.
fn verdict(holds: bool) -> &'static str {
    if holds { "within" } else { "MISSED," }
}
