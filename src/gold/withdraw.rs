//! `withdrawGold`: a branch takes its application back.

use super::{
    model::Step,
    step::{Opined, end, open},
};
use crate::{
    auth::Grant,
    kernel::id::GoldApplicationId,
    storage::write::{Failure, Write},
};

/// APPLIED or RECOMMENDED → WITHDRAWN.
pub async fn withdraw(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Opined,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, input, false).await?;
    end(write, grant, &opened, input, (Step::Withdraw, "withdrawGold")).await?;
    Ok(opened.application.id)
}
