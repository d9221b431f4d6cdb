//! What happens in a slice and sets something off in those above it, which the slice does not know.

use futures_util::future::BoxFuture;

use crate::{
    branch::{BranchEnded, BranchHooks},
    campaign::CampaignHooks,
    gold, health_check, pairing, points,
    rectification::{self, RectificationHooks},
    storage::write::{Failure, Write},
};

/// What happens to branches sets this off in the slices above, in the same transaction.
pub(super) fn branch_hooks() -> BranchHooks {
    BranchHooks {
        ended: vec![
            points::branch_ended,
            pairing::branch_ended,
            // Its checks first: what is put right no longer moves a closed one.
            health_check::branch_ended,
            rectifications_of_ended_branch,
            gold::branch_ended,
        ],
        placed: vec![points::branch_placed, health_check::branch_placed],
        coded: vec![points::branch_coded],
    }
}

/// The opening of a campaign sets this off in the slices above, in the same transaction.
pub(super) fn campaign_hooks() -> CampaignHooks {
    CampaignHooks {
        opened: vec![health_check::campaign_opened],
    }
}

/// What happens to rectifications sets this off in the slices above, in the same transaction.
pub(super) fn rectification_hooks() -> RectificationHooks {
    RectificationHooks {
        moved: vec![health_check::rectification_moved],
        check_of: Some(health_check::check_of),
    }
}

fn rectifications_of_ended_branch<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move { rectification::branch_ended(write, ended, &rectification_hooks()).await })
}
