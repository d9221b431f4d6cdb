//! The guard bench: what the dearest documents cost in CPU time before they are refused or planned (see `docs/benchmarks.md`).
//!
//! `cargo bench --bench guard` prints the ten dearest of those that `worst.rs` makes and of the fuzzer's corpus.

#[path = "../../fuzz/targets.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what does not hold is to be seen"
)]
mod targets;
mod worst;

use std::{fs, path::Path, process::ExitCode, time::Instant};

use serde_json::Value;
use zhibu::graphql::engine::Takes;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each is measured so often by the clock, for the least, which is hardly more than its CPU time: one thread does it, and what
/// disturbs a measurement only adds to it.
const TURNS: usize = 5;
/// Milliseconds that no request may cost.
const TARGET: f64 = 20.0;
/// How many are printed, dearest first.
const SHOWN: usize = 10;

fn documents() -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/document");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let corpus = files.filter_map(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        Some((name, fs::read_to_string(file.path()).ok()?, Value::Null))
    });
    let made = worst::requests().into_iter();
    made.map(|(name, query, variables)| (name.to_owned(), query, variables))
        .chain(corpus)
        .collect()
}

fn main() -> ExitCode {
    let engine = targets::engine();
    let mut measured: Vec<(f64, String, &'static str)> = documents()
        .into_iter()
        .map(|(name, query, variables)| {
            let mut least = f64::MAX;
            let mut became = "planned";
            for turn in 0..TURNS {
                // A document that has passed is kept: each turn sends another one.
                let query = format!("{query}{}", " ".repeat(turn));
                let request = targets::request(&query, variables.clone());
                let began = Instant::now();
                let prepared = engine.prepare(request, Takes::Any, &mut |_| Ok(()));
                least = least.min(began.elapsed().as_secs_f64() * 1e3);
                if prepared.is_err() {
                    became = "refused";
                }
            }
            (least, name, became)
        })
        .collect();
    measured.sort_by(|a, b| b.0.total_cmp(&a.0));
    if cfg!(debug_assertions) {
        println!("This build is not optimized: its figures say which are dearest, not how dear they are.");
    }
    println!(
        "{} requests; time to refuse or plan one, least of {TURNS}:",
        measured.len()
    );
    for (millis, name, became) in measured.iter().take(SHOWN) {
        let missed = if *millis > TARGET { "  MISSED" } else { "" };
        println!("{millis:>9.2} ms  {became}  {name}{missed}");
    }
    let is_missed = measured.first().is_some_and(|(dearest, ..)| *dearest > TARGET);
    match is_missed && !cfg!(debug_assertions) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
