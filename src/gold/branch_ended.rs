//! What the merger or dissolution of a branch does to its applications; `app.rs` hands it to the branch slice.

use futures_util::future::BoxFuture;

use super::{
    model::{GoldState, Step},
    step::{Taken, plan_of, take},
    store,
};
use crate::{
    auth::Grant,
    branch::BranchEnded,
    kernel::refusal::Refusal,
    storage::write::{Actor, Failure, Write},
};

/// Withdraws what an ended branch has open, in the transaction that ends it, with the reason. A title stays as it is, and the
/// successor does not take it over: who is gold is for people to decide.
pub fn branch_ended<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let (action, opinion) = match ended.successor {
            Some(_) => ("mergeBranch", "党支部已合并 · The branch was merged"),
            None => ("dissolveBranch", "党支部已撤销 · The branch was dissolved"),
        };
        let service = Actor::service(action);
        let grant = Grant::of_the_service();
        for application in store::write::lock_of_branch(write, ended.branch, GoldState::is_open).await? {
            let to = application
                .state
                .after(Step::EndOfBranch)
                .map_err(Refusal::from)?;
            let plan = plan_of(write, &application).await?;
            let scope = grant.scope();
            let eligibility = store::eligibility_of(write.connection(), scope, &plan, ended.branch).await?;
            let taken = Taken {
                action,
                by: &service.subject,
                opinion: Some(opinion),
                eligibility,
                to,
                before_veto: None,
            };
            take(write, &application, taken).await?;
        }
        Ok(())
    })
}
