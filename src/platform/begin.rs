//! A run begins: under a lease, from where the last one ended.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    model::{Position, PullFault, PullRun, Pulled, SourceState},
    store,
    told::tell,
};
use crate::{
    audit::AuditRecord,
    kernel::id::{PointSourceId, PullRunId},
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// Runs of a source that are kept.
const KEPT_RUNS: u64 = 500;

/// A run that is to begin.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    /// Of which source.
    pub source: PointSourceId,
    /// The number of the lease that whoever begins it holds.
    pub fence: i64,
    /// When it begins (configuration): so long before the position.
    pub overlap: std::time::Duration,
    /// Once a day so many days before it.
    pub reread_days: u32,
}

/// A run that has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Its key.
    pub run: PullRunId,
    /// How far the platform has been read.
    pub position: Option<Position>,
    /// Since when items are asked for; None: all of them.
    pub since: Option<chrono::DateTime<chrono::Utc>>,
    /// The last days are read again.
    pub rereads: bool,
    /// What else is read again.
    pub reread_from: Option<chrono::DateTime<chrono::Utc>>,
    /// The circuit is open: one request decides.
    pub probe: bool,
}

/// Begins a run, or takes up the one that was asked for; one whose holder has gone is closed. Refused without a word where the
/// source is not due any more, or another has a later lease.
pub(super) async fn begin(write: &mut Write<'_>, input: &Begin) -> Result<Begun, Failure> {
    let mut state = store::lock_state(write, input.source).await?;
    // After it: a source that is pulled for the first time is due from when its row was made.
    let now = write.clock().machine();
    if state.fence > input.fence || !state.is_due(now) {
        return Err(Failure::Refused(Vec::new()));
    }
    let asked_for = close_abandoned(write, &state).await?;
    let run = match asked_for {
        Some(run) => {
            store::save_run(
                write,
                &PullRun {
                    fence: Some(input.fence),
                    ..run.clone()
                },
            )
            .await?;
            run.id
        }
        None => store::open_run(write, input.source, Some(input.fence), now).await?,
    };
    let reread = state.rereads(input.reread_days, now);
    let begun = Begun {
        run,
        position: state.position.clone(),
        since: state.begins_at(input.overlap, reread),
        rereads: state.is_to_reread(now),
        reread_from: state.reread_from,
        probe: state.rest.state == SourceState::OpenCircuit,
    };
    let before = state.state();
    state.fence = input.fence;
    state.run = Some(run);
    store::save_state(write, &state).await?;
    tell(write, before, &state);
    store::prune_runs(write, input.source, KEPT_RUNS).await?;
    write.audit(AuditRecord::new("beginPull").after(json!({
        "sourceId": input.source.0,
        "runId": run.0,
        "position": begun.position.as_ref().map(|position| &position.text),
    })));
    Ok(begun)
}

/// Closes the run of somebody who has gone; gives one that was asked for and has not begun.
async fn close_abandoned(write: &Write<'_>, state: &Pulled) -> Result<Option<PullRun>, StoreError> {
    let Some(open) = state.run else { return Ok(None) };
    match store::run(write.connection(), open).await? {
        Some(run) if run.fence.is_none() => Ok(Some(run)),
        Some(run) => {
            let closed = PullRun {
                ended_at: Some(write.clock().machine()),
                error: Some(PullFault::BrokenOff),
                ..run
            };
            store::save_run(write, &closed).await?;
            Ok(None)
        }
        None => Ok(None),
    }
}
