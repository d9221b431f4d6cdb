//! `withdrawGold`: a branch takes its application back.

use super::{
    model::Step,
    step::{Opined, Taken, open, opinion, take},
};
use crate::{
    auth::Grant,
    kernel::id::GoldApplicationId,
    storage::write::{Failure, Refusals, Write},
};

/// APPLIED or RECOMMENDED → WITHDRAWN.
pub async fn withdraw(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Opined,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, input, false).await?;
    let mut refusals = Refusals::default();
    let opinion = refusals.take(opinion(&input.opinion));
    let to = refusals.take(opened.after(Step::Withdraw));
    refusals.finish()?;
    let Some(to) = to else {
        return Err(Failure::Refused(Vec::new()));
    };
    let by = &write.actor().subject;
    let taken = Taken {
        action: "withdrawGold",
        by,
        opinion: opinion.as_deref(),
        eligibility: opened.judge(write, grant).await?,
        to,
        before_veto: None,
    };
    take(write, &opened.application, taken).await?;
    Ok(opened.application.id)
}
