//! What the merger or dissolution of a branch does to its rectifications; `app.rs` hands it to the branch slice.

use super::{
    hooks::RectificationHooks,
    model::{RectificationOrigin, RectificationState, TERM_ITEM},
    record::Rectification,
    step::{Done, save},
    store,
};
use crate::{
    auth::Grant,
    branch::{self, BranchEnded},
    kernel::id::BranchId,
    storage::{
        StoreError,
        write::{Actor, Failure, Write},
    },
};

/// Takes what is still to be put right from an ended branch, in the transaction that ends it: on a merger the successor
/// goes on with it, for the problem goes on; on a dissolution it is waived. What the service itself raised about the ended
/// branch's own term is waived in both cases. What is closed stays where it is.
pub async fn branch_ended(
    write: &mut Write<'_>,
    ended: &BranchEnded,
    hooks: &RectificationHooks,
) -> Result<(), Failure> {
    let rows = store::lock_open_of(write, ended.branch).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let name = name_of(write, ended.branch).await?;
    let action = match ended.successor {
        Some(_) => "mergeBranch",
        None => "dissolveBranch",
    };
    for row in rows {
        let (after, note) = match ended.successor {
            Some(successor) if !is_of_its_term(&row) => moved(&row, successor, &name),
            Some(_) => waived(&row, &name, "已合并", "was merged"),
            None => waived(&row, &name, "已撤销", "was dissolved"),
        };
        let done = Done {
            action,
            note: Some(&note),
            by: Actor::service(action).subject,
        };
        save(write, done, &row, after, hooks).await?;
    }
    Ok(())
}

/// Whether it is about the ended branch's own term, which has ended with it.
fn is_of_its_term(row: &Rectification) -> bool {
    row.origin == RectificationOrigin::Computed || row.item_code.as_deref() == Some(TERM_ITEM)
}

// Notes are kept with the rectification, so in the users' language, with the English beside it.

fn moved(row: &Rectification, successor: BranchId, name: &str) -> (Rectification, String) {
    let mut after = row.clone();
    after.branch_id = successor;
    // The check is the ended branch's, and ends with it.
    after.health_check_id = None;
    let note = format!("“{name}”已合并，由继任支部继续整改 · “{name}” was merged; its successor goes on");
    (after, note)
}

fn waived(row: &Rectification, name: &str, zh: &str, en: &str) -> (Rectification, String) {
    let mut after = row.clone();
    after.state = RectificationState::Waived;
    (after, format!("“{name}”{zh}，予以免除 · Waived: “{name}” {en}"))
}

async fn name_of(write: &Write<'_>, id: BranchId) -> Result<String, StoreError> {
    let service = Grant::of_the_service();
    let branch = branch::by_id(write.connection(), service.scope(), id).await?;
    Ok(branch.map(|branch| branch.name).unwrap_or_default())
}
