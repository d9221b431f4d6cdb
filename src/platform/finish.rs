//! A run ends, and says when the next one begins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    model::{Pace, PullFault, PullRun},
    store,
    told::tell,
};
use crate::{
    audit::AuditRecord,
    kernel::{
        clock::day_in_shanghai,
        id::{PointSourceId, PullRunId},
    },
    storage::write::{Failure, Write},
};

/// A run that ended.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    /// Of which source.
    pub source: PointSourceId,
    /// Which.
    pub run: PullRunId,
    /// The number of the lease under which it ran.
    pub fence: i64,
    /// How many pages it read, those without an item too.
    pub pages: i32,
    /// Why it did not read everything.
    pub fault: Option<PullFault>,
    /// How long the platform wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The last days were read again.
    pub rereads: bool,
    /// What else was.
    pub reread_from: Option<DateTime<Utc>>,
    /// What the next pause depends on.
    pub pace: Pace,
    /// From 0 to 1.
    pub jitter: f64,
}

/// Ends a run. Refused without a word where another has begun one since: it has closed this one.
pub(super) async fn finish(write: &mut Write<'_>, input: &Finish) -> Result<(), Failure> {
    let lost = || Failure::Refused(Vec::new());
    let now = write.clock().machine();
    let mut state = store::lock_state(write, input.source).await?;
    if state.fence != input.fence || state.run != Some(input.run) {
        return Err(lost());
    }
    let run = store::run(write.connection(), input.run)
        .await?
        .ok_or_else(lost)?;
    let run = PullRun {
        ended_at: Some(now),
        pages: input.pages,
        error: input.fault.clone(),
        ..run
    };
    store::save_run(write, &run).await?;
    let before = state.state();
    state.run = None;
    state.rest = input.pace.after(
        state.rest,
        input.fault.as_ref(),
        input.retry_after,
        now,
        input.jitter,
    );
    match &input.fault {
        None => {
            state.last_success_at = Some(now);
            state.last_error = None;
            if input.rereads {
                state.reread_on = Some(day_in_shanghai(run.started_at));
            }
            if state.reread_from == input.reread_from {
                state.reread_from = None;
            }
        }
        Some(fault) if fault.counts() => state.last_error = Some(fault.clone()),
        Some(_) => {}
    }
    store::save_state(write, &state).await?;
    tell(write, before, &state);
    write.audit(AuditRecord::new("endPull").after(json!({
        "sourceId": input.source.0,
        "runId": input.run.0,
        "pages": run.pages,
        "accepted": run.counts.accepted,
        "quarantined": run.counts.quarantined + run.counts.conflicts,
        "error": run.error,
    })));
    Ok(())
}
