//! What a gold title that is awarded or revoked means for pairings.

use super::store;
use crate::{
    kernel::id::{BranchId, PairingId},
    live::change::{Action, Change, Topic},
    storage::{StoreError, write::Write},
};

/// Reports the pairings that a branch leads: whether a lead has lost its gold is read from titles, so no row of theirs
/// changes and no version grows.
pub async fn gold_moved(write: &mut Write<'_>, branch: BranchId) -> Result<(), StoreError> {
    let led = store::led_by(write.connection(), branch).await?;
    let ids: Vec<PairingId> = led.iter().map(|pairing| pairing.id).collect();
    let mut members = store::members(write.connection(), &ids).await?;
    for pairing in led {
        let members = members.remove(&pairing.id).unwrap_or_default();
        write.change(
            Change::new(Topic::Pairing, Action::Updated, pairing.id)
                .version(pairing.version)
                .branches(members.iter().map(|member| member.branch_id))
                .in_scope_only(!pairing.state.is_public()),
        );
    }
    Ok(())
}
