//! What the merger or dissolution of a branch does to its checks; `app.rs` hands it to the branch slice.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{
    model::CheckStep,
    step::{Done, save, with_results},
    store,
};
use crate::{
    branch::{self, BranchEnded},
    storage::write::{Failure, Write},
};

/// Closes what an ended branch has open, in the transaction that ends it: nobody examines it any more. What was judged keeps its
/// outcome; what was not stays PENDING. The successor of a merger has a check of its own, which what is moved to it does not touch.
pub fn branch_ended<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let action = match ended.successor {
            Some(_) => "mergeBranch",
            None => "dissolveBranch",
        };
        for before in store::write::lock_open_of(write, ended.branch).await? {
            let branch = branch::lock(write, &[before.branch_id])
                .await?
                .remove(&before.branch_id);
            let Some(branch) = branch else { continue };
            let mut opened = with_results(write, before.clone(), branch).await?;
            opened.check.stage = opened.after(CheckStep::EndOfBranch, "id")?;
            let done = Done {
                action,
                before: &before,
                told: json!({ "because": "the branch has ended" }),
                changed: Vec::new(),
            };
            save(write, opened, done).await?;
        }
        Ok(())
    })
}
