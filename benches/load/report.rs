//! The figures as a table.

use std::time::Duration;

use crate::{Answer, CONNECTIONS, Measured};

/// What the service may cost on PostgreSQL, as a multiple of hand-written SQL.
const MOST_RATIO: f64 = 2.0;
const MOST_RESIDENT: u64 = 64 * 1024 * 1024;
const MOST_UNTIL_READY: Duration = Duration::from_millis(500);
/// What async-graphql takes for a request, and for each leaf field of its answer, in microseconds of CPU time.
const FLOOR: (f64, f64) = (75.0, 0.9);

fn missed(missed: bool) -> &'static str {
    if missed { "  MISSED" } else { "" }
}

/// What is measured.
pub fn heading() {
    println!("CPU time a request in µs (server + database); {CONNECTIONS} connections, nothing cached");
    println!(
        "{:<11} {:<16} {:>8}  {:>19}  {:>19}  {:>5}  {:>13}  {:>13}",
        "database", "answer", "requests", "service", "hand-written", "ratio", "p50/p99 ms", "by hand ms"
    );
}

/// One answer on one database.
pub fn row(
    database: &str,
    answer: Answer,
    service: &Measured,
    handler: &Measured,
    leaves: f64,
    has_target: bool,
) {
    let ((server, store), (plain, plain_store)) = (service.micros(), handler.micros());
    let ratio = (server + store) / (plain + plain_store).max(f64::MIN_POSITIVE);
    let parts = |server: f64, store: f64| format!("{:.0} ({server:.0}+{store:.0})", server + store);
    println!(
        "{database:<11} {answer:<16} {:>8}  {:>19}  {:>19}  {ratio:>5.2}  {:>13}  {:>13}{}",
        service.requests,
        parts(server, store),
        parts(plain, plain_store),
        service.latencies.to_string(),
        handler.latencies.to_string(),
        missed(has_target && ratio > MOST_RATIO),
    );
    let floor = FLOOR.0 + FLOOR.1 * leaves;
    println!(
        "{:<11} {:<16} {leaves:.1} leaf fields, the library's floor is {floor:.0} µs",
        "", ""
    );
}

/// What the service's process takes, and how soon it answers.
pub fn process(database: &str, resident: u64, ready: Duration) {
    println!(
        "{database:<11} resident after the load: {:.1} MiB (below 64){}",
        resident as f64 / f64::from(1 << 20),
        missed(resident >= MOST_RESIDENT),
    );
    println!(
        "{database:<11} ready on an existing database: {} ms (within 500){}",
        ready.as_millis(),
        missed(ready > MOST_UNTIL_READY),
    );
}
