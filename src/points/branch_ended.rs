//! What the merger of a branch does to totals; `app.rs` hands it to the branch slice.

use futures_util::future::BoxFuture;

use super::{MERGERS, store};
use crate::{
    branch::BranchEnded,
    live::change::{Action, Change, Topic},
    storage::{StoreError, write::Write},
};

/// Adds the totals of a merged branch to its successor's, in the transaction that merges it. The merged branch keeps its own;
/// what is booked for it later counts for both.
pub fn branch_ended<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        let Some(successor) = ended.successor else {
            return Ok(());
        };
        // Pushes that run have read who the branch's successor is: theirs are waited for.
        write.lock(MERGERS, "").await?;
        if store::merge_totals(write, ended.branch, successor).await? {
            write.change(Change::new(Topic::Points, Action::Updated, successor).branches([successor]));
        }
        Ok(())
    })
}
