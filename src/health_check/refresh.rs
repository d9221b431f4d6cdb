//! What is computed of a check, counted anew.

use super::{
    computed::{GROUPS_ITEM, compute, source_of},
    model::ItemVerdict,
    step::Opened,
    store,
};
use crate::storage::{StoreError, write::Write};

/// Counts every computed item anew, in the campaign's window and by the business day; an examiner's verdict on one stays. Gives
/// the codes of those that are another.
pub(super) async fn refresh(write: &Write<'_>, opened: &mut Opened) -> Result<Vec<String>, StoreError> {
    let today = write.clock().today();
    let records = store::records::of_branch(write.connection(), &opened.branch, &opened.campaign, today);
    let mut records = records.await?;
    records.has_no_groups = opened
        .results
        .iter()
        .any(|result| result.item.code == GROUPS_ITEM && result.verdict == ItemVerdict::NotApplicable);
    let window = (opened.campaign.window_from, opened.campaign.window_to);
    let mut changed = Vec::new();
    for result in opened.results.iter_mut().filter(|result| result.is_computed()) {
        let Some(source) = source_of(&result.item.code) else {
            continue;
        };
        let computed = compute(source, &records, window, today, write.rules());
        let verdict = match result.overruled {
            true => result.verdict,
            false => computed.verdict(),
        };
        if result.verdict != verdict || result.computed.as_ref() != Some(&computed) {
            result.verdict = verdict;
            result.computed = Some(computed);
            changed.push(result.item.code.clone());
        }
    }
    Ok(changed)
}
