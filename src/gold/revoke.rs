//! `revokeGold`: the district takes a title away.

use super::{
    model::Step,
    step::{Opined, end, gold_changed, open},
    store,
};
use crate::{
    auth::Grant,
    kernel::id::GoldApplicationId,
    pairing,
    storage::write::{Failure, Write},
};

/// AWARDED → REVOKED; the branch's title ends today, and its place of the quota is free again.
pub async fn revoke(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Opined,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, input, true).await?;
    end(write, grant, &opened, input, (Step::Revoke, "revokeGold")).await?;
    store::write::revoke_title(write, opened.branch.id, write.clock().today()).await?;
    write.change(gold_changed(&opened.branch));
    pairing::gold_moved(write, opened.branch.id).await?;
    Ok(opened.application.id)
}
