//! What happens to a branch, and what that does to points; `app.rs` hands these to the branch slice, which runs them in its
//! own transaction.

use futures_util::future::BoxFuture;

use super::{TOTALS, push::push, store, sweep};
use crate::{
    branch::{BranchCoded, BranchEnded, BranchPlaced},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Write},
};

/// Adds the totals of a merged branch to its successor's. The merged branch keeps its own; what is booked for it later counts
/// for both.
pub fn branch_ended<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let Some(successor) = ended.successor else {
            return Ok(());
        };
        // Pushes that run have read who the branch's successor is: theirs are waited for.
        write.lock(TOTALS, "").await?;
        if store::merge_totals(write, ended.branch, successor).await? {
            write.change(Change::new(Topic::Points, Action::Updated, successor).branches([successor]));
        }
        Ok(())
    })
}

/// Ranks a branch where it stands now.
pub fn branch_placed<'a, 't>(
    write: &'a mut Write<'t>,
    placed: &'a BranchPlaced,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        match placed.before {
            // Pushes that run have read where the branch stood.
            Some(_) => write.lock(TOTALS, "").await?,
            // Nobody has posted to it; a recount must not miss it.
            None => write.lock_shared(TOTALS, "").await?,
        }
        store::place(write, placed.branch, placed.before, placed.after).await?;
        Ok(())
    })
}

/// Books what has waited for a branch of that code. What would be too much for one transaction is left to the sweep of every
/// minute.
pub fn branch_coded<'a, 't>(
    write: &'a mut Write<'t>,
    coded: &'a BranchCoded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        for due in sweep::due_for_code(write.connection(), &coded.code, coded.source_code.as_deref()).await? {
            push(write, &due).await?;
        }
        Ok(())
    })
}
