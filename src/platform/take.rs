//! A page goes into the ledger, and the position moves with it: both or neither.

use serde::{Deserialize, Serialize};

use super::{
    model::{Counts, Position, PullRun},
    store,
};
use crate::{
    kernel::id::PullRunId,
    points::{self, Outcome, Push, Reason},
    storage::write::{Failure, Write},
};

/// A page that was read.
#[derive(Clone, Debug)]
pub(super) struct Take {
    /// In which run.
    pub run: PullRunId,
    /// The number of the lease under which it was read.
    pub fence: i64,
    /// How far the platform had been read when this page was asked for.
    pub from: Option<Position>,
    /// How far it has been read with it.
    pub to: Option<Position>,
    /// Its items, and whose they are.
    pub push: Push,
}

/// A page that was taken.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Taken {
    /// What became of its items.
    pub counts: Counts,
    /// Somebody paused the source meanwhile.
    pub paused: bool,
}

/// Books a page and moves the position. Refused without a word, with nothing booked, where another has begun a run since, or the
/// position is not where it was.
pub(super) async fn take(write: &mut Write<'_>, input: &Take) -> Result<Taken, Failure> {
    let lost = || Failure::Refused(Vec::new());
    let mut state = store::lock_state(write, input.push.source).await?;
    if state.fence != input.fence || state.run != Some(input.run) || state.position != input.from {
        return Err(lost());
    }
    let run = store::run(write.connection(), input.run)
        .await?
        .ok_or_else(lost)?;
    let mut counts = Counts::default();
    // One batch, however large the page: a second would lock its events behind those of the first, out of order.
    for outcome in points::push::push(write, &input.push).await? {
        let count = match outcome {
            Outcome::Accepted => &mut counts.accepted,
            Outcome::Duplicate => &mut counts.duplicates,
            Outcome::Quarantined(Reason::ConflictingRepeat) => &mut counts.conflicts,
            Outcome::Quarantined(_) => &mut counts.quarantined,
        };
        *count += 1;
    }
    let mut run = PullRun {
        pages: run.pages.saturating_add(1),
        ..run
    };
    run.counts.add(counts);
    store::save_run(write, &run).await?;
    state.position.clone_from(&input.to);
    store::save_state(write, &state).await?;
    Ok(Taken {
        counts,
        paused: state.paused,
    })
}
