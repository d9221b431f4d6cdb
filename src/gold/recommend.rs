//! `recommendGold` (把关推荐): a committee says whether a branch below it is to be chosen.

use super::{
    model::Step,
    step::{Decision, Taken, open, opinion, require_eligible, take},
};
use crate::{
    auth::Grant,
    kernel::id::GoldApplicationId,
    storage::write::{Failure, Refusals, Write},
};

/// APPLIED → RECOMMENDED, if the branch meets every criterion, or NOT_RECOMMENDED. Not by who applied.
pub async fn recommend(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Decision,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, &input.of, false).await?;
    let step = if input.favourable {
        Step::Recommend
    } else {
        Step::NotRecommend
    };
    let mut refusals = Refusals::default();
    let opinion = refusals.take(opinion(&input.of.opinion));
    let Some(to) = refusals.take(opened.after(step)) else {
        return Err(refusals.refuse());
    };
    opened.require_another_person(write, &mut refusals).await?;
    let eligibility = opened.judge(write, grant).await?;
    if step.is_favourable() {
        require_eligible(&eligibility, &["id"], &mut refusals);
    }
    refusals.finish()?;
    let by = &write.actor().subject;
    let taken = Taken {
        action: "recommendGold",
        by,
        opinion: opinion.as_deref(),
        eligibility,
        to,
        before_veto: None,
    };
    take(write, &opened.application, taken).await?;
    Ok(opened.application.id)
}
