//! Once a day a platform's own totals are compared with what its entries come to here; where one differs, its month is read again.

use serde::{Deserialize, Serialize};

use super::{model::further_back, store};
use crate::{
    kernel::{
        clock::{day_in_shanghai, midnight_in_shanghai},
        period::Period,
    },
    points::{
        Source,
        reconcile::{Reconciled, record},
        source_changed,
    },
    storage::write::{Failure, Write},
};

/// What a platform says of some months, compared.
#[derive(Clone, Debug)]
pub(super) struct Reconcile {
    /// Which.
    pub source: Source,
    /// By month, what the comparison with the ledger came to.
    pub months: Vec<(Period, Reconciled)>,
}

/// What the comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compared {
    /// Branches and months of which both say the same.
    pub agreed: usize,
    /// Those of which they do not.
    pub differences: usize,
}

/// Records it, and has months that differ read again: at once, and no more than once a day.
pub(super) async fn reconcile(write: &mut Write<'_>, input: &Reconcile) -> Result<Compared, Failure> {
    let mut compared = Compared {
        agreed: 0,
        differences: 0,
    };
    let now = write.clock().machine();
    let mut state = store::lock_state(write, input.source.id).await?;
    let due_before = state.rest.next_pull_at;
    for (month, of_month) in &input.months {
        record(write, &input.source, *month, of_month);
        compared.agreed += of_month.agreed;
        compared.differences += of_month.differences.len();
        // What waits for a code is here already: reading it again books nothing.
        if of_month.differences.iter().any(|one| one.branch.is_some()) {
            let begins = midnight_in_shanghai(month.first_day());
            state.reread_from = further_back(state.reread_from, begins);
            state.rest.next_pull_at = now;
        }
    }
    state.reconciled_on = Some(day_in_shanghai(now));
    store::save_state(write, &state).await?;
    if state.rest.next_pull_at != due_before {
        write.change(source_changed(input.source.id));
    }
    Ok(compared)
}
