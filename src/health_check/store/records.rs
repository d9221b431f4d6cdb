//! What is recorded of a branch, as far as items are computed from it.

use chrono::NaiveDate;
use sea_orm::ConnectionTrait;

use crate::{
    branch::{self, Branch},
    campaign::Campaign,
    health_check::computed::Records,
    pairing, points, rectification,
    storage::StoreError,
};

/// The records of a branch in a campaign's window, by the business day; of branches merged into it too, as its points are.
/// Whether it has groups is for the check to say.
pub async fn of_branch(
    connection: &impl ConnectionTrait,
    branch: &Branch,
    campaign: &Campaign,
    today: NaiveDate,
) -> Result<Records, StoreError> {
    let window = (campaign.window_from, campaign.window_to.min(today));
    let mut branches = branch::merged_into(connection, branch.id).await?;
    branches.push(branch.id);
    let paired = pairing::participation(connection, branch.id).await?;
    let due = rectification::closed_in_time(connection, branch.id, window, today).await?;
    Ok(Records {
        founded_on: branch.founded_on,
        member_count: branch.member_count,
        term_ends_on: branch.term_ends_on,
        held: points::activities_held(connection, &branches, window).await?,
        paired_since: paired.since,
        paired: paired.days,
        closed_in_time: due.closed,
        due: due.due,
        red: due.red,
        has_no_groups: false,
    })
}
