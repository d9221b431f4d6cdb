//! `revokeGold`: the district takes a title away.

use super::{
    model::Step,
    step::{Opined, Taken, gold_changed, open, opinion, take},
    store,
};
use crate::{
    auth::Grant,
    kernel::id::GoldApplicationId,
    pairing,
    storage::write::{Failure, Refusals, Write},
};

/// AWARDED → REVOKED; the branch's title ends today, and its place of the quota is free again.
pub async fn revoke(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Opined,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, input, true).await?;
    let mut refusals = Refusals::default();
    let opinion = refusals.take(opinion(&input.opinion));
    let to = refusals.take(opened.after(Step::Revoke));
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };
    let by = &write.actor().subject;
    let taken = Taken {
        action: "revokeGold",
        by,
        opinion: opinion.as_deref(),
        eligibility: opened.judge(write, grant).await?,
        to,
        before_veto: None,
    };
    take(write, &opened.application, taken).await?;
    store::write::revoke_title(write, opened.branch.id, write.clock().today()).await?;
    write.change(gold_changed(&opened.branch));
    pairing::gold_moved(write, opened.branch.id).await?;
    Ok(opened.application.id)
}
