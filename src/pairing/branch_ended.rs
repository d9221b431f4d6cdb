//! What the merger or dissolution of a branch does to its pairings; `app.rs` hands it to the branch slice.

use futures_util::future::BoxFuture;

use super::{
    model::{Pairing, PairingState, Step, composition},
    step::{Opened, save},
    store,
};
use crate::{
    branch::BranchEnded,
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// Takes an ended branch out of its pairings, in the transaction that ends it. A proposal with it is REJECTED; an active
/// pairing goes on while those who stay still make its form, else it is TERMINATED; each with the reason. The
/// successor does not take its place: who pairs with whom is for people to decide.
pub fn branch_ended<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move { Ok(leave_all(write, ended).await?) })
}

async fn leave_all(write: &mut Write<'_>, ended: &BranchEnded) -> Result<(), StoreError> {
    let action = match ended.successor {
        Some(_) => "mergeBranch",
        None => "dissolveBranch",
    };
    for pairing in store::lock_running_of(write, ended.branch).await? {
        let id = pairing.id;
        let members = store::members(write.connection(), &[id]).await?.remove(&id);
        let before = Opened {
            pairing,
            members: members.unwrap_or_default(),
        };
        let mut after = before.clone();
        for member in &mut after.members {
            if member.branch_id == ended.branch {
                member.left_on = Some(ended.on);
            }
        }
        store::set_left(write, id, ended.branch, ended.on).await?;
        let (leads, partners) = composition(&after.members);
        let step = match before.pairing.state {
            PairingState::Proposed => Some(Step::Reject),
            PairingState::Active if !before.pairing.form.holds(leads, partners) => Some(Step::Terminate),
            _ => None,
        };
        if let Some(step) = step {
            after.pairing.state = before.pairing.state.after(step).map_err(|error| {
                StoreError::Corrupt(format!("a pairing that cannot end with its member: {error}"))
            })?;
            after.pairing.end_reason = Some(reason(&before.pairing, ended));
        }
        save(write, action, &before, after).await?;
    }
    Ok(())
}

/// Kept with the pairing, so in the users' language, with the English beside it.
fn reason(pairing: &Pairing, ended: &BranchEnded) -> String {
    let (zh, en) = match ended.successor {
        Some(_) => ("已合并", "was merged"),
        None => ("已撤销", "was dissolved"),
    };
    match pairing.state {
        PairingState::Active => {
            let form = pairing.form.words();
            format!(
                "成员支部{zh}，不再满足 {form} 的组成要求 · A member {en}; the others no longer make {form}"
            )
        }
        _ => format!("成员支部{zh} · A member {en}"),
    }
}
