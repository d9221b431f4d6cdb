//! What the process takes: memory, file descriptors, processor time, and how the runtime is doing.
//!
//! Read from `/proc` (proc(5)) when somebody asks; where there is none, nothing is told.

use chrono::{DateTime, Utc};
use opentelemetry::metrics::Meter;

use crate::kernel::clock::Clock;

/// Bytes of a page: 4 KiB on every machine that this is built for.
const PAGE: u64 = 4096;
/// Clock ticks a second that `/proc` counts in (USER_HZ): 100 on every machine that this is built for.
const TICKS: f64 = 100.0;

pub(super) fn register(meter: &Meter, clock: Clock, began: DateTime<Utc>) {
    meter
        .f64_observable_gauge("process.uptime")
        .with_unit("s")
        .with_description("Since the service began")
        .with_callback(move |told| {
            let up = (clock.machine() - began).as_seconds_f64();
            told.observe(up, &[]);
        })
        .build();
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_unit("By")
        .with_description("Memory of the process that is held in RAM")
        .with_callback(|told| {
            if let Some(bytes) = resident() {
                told.observe(bytes, &[]);
            }
        })
        .build();
    meter
        .u64_observable_gauge("process.unix.file_descriptor.count")
        .with_unit("{file_descriptor}")
        .with_description("File descriptors that are open")
        .with_callback(|told| {
            if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
                told.observe(open.count() as u64, &[]);
            }
        })
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("Processor time that the process has taken")
        .with_callback(|told| {
            if let Some(seconds) = processor_time() {
                told.observe(seconds, &[]);
            }
        })
        .build();
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let runtime = runtime.metrics();
    let tasks = runtime.clone();
    meter
        .u64_observable_gauge("zhibu.runtime.tasks")
        .with_unit("{task}")
        .with_description("Tasks of the runtime that have not ended")
        .with_callback(move |told| told.observe(tasks.num_alive_tasks() as u64, &[]))
        .build();
    let queued = runtime.clone();
    meter
        .u64_observable_gauge("zhibu.runtime.queued")
        .with_unit("{task}")
        .with_description("Tasks that wait for a worker in the runtime's common queue")
        .with_callback(move |told| told.observe(queued.global_queue_depth() as u64, &[]))
        .build();
    meter
        .u64_observable_gauge("zhibu.runtime.workers")
        .with_unit("{thread}")
        .with_description("Worker threads of the runtime")
        .with_callback(move |told| told.observe(runtime.num_workers() as u64, &[]))
        .build();
}

fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name may hold spaces; what follows its bracket begins with the third field.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}
