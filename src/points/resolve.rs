//! `resolveQuarantine`: an entry that waits is booked after all.

use std::sync::Arc;

use serde_json::json;

use super::{
    entry::{Delivered, Judged, Reason},
    model::LedgerError,
    push::{Batch, Item, Outcome, Push},
    quarantined::{QuarantineState, Quarantined},
    store::{self, Source},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch::{self, BranchHooks, add_alias},
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, QuarantinedEntryId},
        message::Message,
        refusal::Refusal,
    },
    storage::write::{Failure, Write},
};

/// A decision about an entry that waits.
#[derive(Clone, Debug)]
pub struct ResolveQuarantine {
    /// None where the caller's id names none.
    pub id: Option<QuarantinedEntryId>,
    /// Whose it is, of an unknown code; `Some(None)` where the caller's id names no branch.
    pub branch: Option<Option<BranchId>>,
    /// Whether the code is remembered, so that later entries find the branch by themselves.
    pub add_alias: bool,
    /// What a new alias sets off.
    pub hooks: BranchHooks,
}

/// Books an entry that waits: of an unknown code for the branch that is named, any other as it is.
pub async fn resolve(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ResolveQuarantine,
) -> Result<QuarantinedEntryId, Failure> {
    let (source, row) = waiting(write, grant, input.id, "REPLAYED").await?;
    if row.reason == Reason::ConflictingRepeat {
        return Err(Refusal::from(LedgerError::OnlyDiscarded).into());
    }
    if row.reason != Reason::UnknownBranch && input.branch.is_some() {
        return Err(Refusal::from(LedgerError::NoBranchTaken(row.reason.as_str())).into());
    }
    // What cannot be booked as it came is not booked as somebody may have meant it.
    let as_it_was = || LedgerError::StillWaits(row.reason.as_str(), row.detail.clone());
    let judged = Judged::of_payload(row.payload.clone(), row.content.clone())
        .filter(|_| row.reason != Reason::InvalidField)
        .ok_or_else(as_it_was)
        .map_err(Refusal::from)?;
    let entry = judged.entry.clone();
    match input.branch {
        Some(_) => book_for(write, grant, input, &source, &row, judged).await?,
        None => again(write, &source, &row, &entry).await?,
    }
    is_booked(write, &row).await?;
    write.audit(
        AuditRecord::new("resolveQuarantine")
            .node(row.id)
            .before(json!({ "state": "WAITING", "reason": row.reason.as_str() }))
            .after(json!({
                "state": "REPLAYED", "eventId": entry.event_id, "revision": entry.revision,
                "branchId": input.branch.flatten(), "addAlias": input.add_alias,
            })),
    );
    Ok(row.id)
}

/// The row that is decided about, with its source. Not locked: pushes lock events first and what waits for them afterwards.
pub(super) async fn waiting(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<QuarantinedEntryId>,
    to: &'static str,
) -> Result<(Source, Quarantined), Failure> {
    let none = || Refusal::not_found(&["id"], Message::new("待处理条目", "quarantined entry"));
    let id = id.ok_or_else(none)?;
    let (source, row) = store::quarantined(write, id).await?.ok_or_else(none)?;
    grant.require_source(Some(source.id))?;
    match row.state {
        QuarantineState::Waiting => Ok((source, row)),
        state => Err(decided(state, to)),
    }
}

fn decided(state: QuarantineState, to: &'static str) -> Failure {
    let state = state.as_str();
    Refusal::from(LedgerError::Decided { state, to }).into()
}

/// Books an entry of an unknown code for a branch. If the code is to be remembered, the branch is given it, which books what
/// waits for it in one batch, the entry among it unless there is too much.
async fn book_for(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ResolveQuarantine,
    source: &Source,
    row: &Quarantined,
    judged: Judged,
) -> Result<(), Failure> {
    let no_branch = || Refusal::not_found(&["branchId"], Message::new("党支部", "branch"));
    let id = input.branch.flatten().ok_or_else(no_branch)?;
    let branch = branch::by_id(write.connection(), grant.scope(), id)
        .await?
        .ok_or_else(no_branch)?;
    grant.require_branch(write.connection(), id).await?;
    let day = day_in_shanghai(judged.entry.occurred_at);
    if day < branch.founded_on {
        return Err(Refusal::from(LedgerError::BeforeFounding("branchId", branch.founded_on)).into());
    }
    if input.add_alias {
        // From the first day that something waits for the code, so that it is all booked now.
        let entry = judged.entry;
        let code = entry.branch_code.clone();
        let first = store::first_waiting_day(write.connection(), source.id, &code).await?;
        let alias = add_alias::AddBranchAlias {
            branch: Some(id),
            code,
            source_code: Some(source.code.clone()),
            since: first.map_or(day, |first| first.min(day)).max(branch.founded_on),
            until: None,
            hooks: input.hooks.clone(),
        };
        add_alias::add_alias(write, grant, &alias)
            .await
            .map_err(at_branch)?;
        let now = store::quarantined(write, row.id).await?;
        return match now {
            Some((_, now)) if now.state == QuarantineState::Waiting => {
                again(write, source, row, &entry).await
            }
            _ => Ok(()),
        };
    }
    let judged = Arc::new(judged);
    let push = push_of(source);
    let mut batch = Batch::open(write, &push, &[Item::Judged(judged.clone())]).await?;
    if batch.has(&judged) {
        return Err(Refusal::from(LedgerError::OnlyDiscarded).into());
    }
    batch
        .book(&judged, id)
        .map_err(|waits| Refusal::from(LedgerError::StillWaits(waits.reason.as_str(), waits.detail)))?;
    batch.write(write).await?;
    Ok(())
}

/// That the entry itself was booked, and by nobody else meanwhile.
async fn is_booked(write: &Write<'_>, row: &Quarantined) -> Result<(), Failure> {
    let now = store::quarantined(write, row.id).await?.map(|(_, row)| row);
    match now {
        Some(now) if now.state == QuarantineState::Replayed => Ok(()),
        Some(now) if now.reason == Reason::ConflictingRepeat => {
            Err(Refusal::from(LedgerError::OnlyDiscarded).into())
        }
        Some(now) => Err(Refusal::from(LedgerError::StillWaits(now.reason.as_str(), now.detail)).into()),
        None => Err(decided(row.state, "REPLAYED")),
    }
}

/// The alias is nothing that the caller gave: what is wrong with it is said of the branch.
fn at_branch(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusals) => Failure::Refused(
            refusals
                .into_iter()
                .map(|refusal| Refusal {
                    path: vec!["branchId".to_owned()],
                    ..refusal
                })
                .collect(),
        ),
        other => other,
    }
}

/// Tries an entry again as it is.
async fn again(
    write: &mut Write<'_>,
    source: &Source,
    row: &Quarantined,
    entry: &Delivered,
) -> Result<(), Failure> {
    let judged = Arc::new(entry.judge(write.clock().business()));
    let push = push_of(source);
    let mut batch = Batch::open(write, &push, &[Item::Judged(judged.clone())]).await?;
    match batch.take(Item::Judged(judged)) {
        Outcome::Accepted => batch.write(write).await.map(|_| ()).map_err(Into::into),
        Outcome::Quarantined(Reason::UnknownBranch) => {
            Err(Refusal::from(LedgerError::BranchNeeded(entry.branch_code.clone())).into())
        }
        Outcome::Duplicate => Err(Refusal::from(LedgerError::OnlyDiscarded).into()),
        Outcome::Quarantined(reason) => {
            Err(Refusal::from(LedgerError::StillWaits(reason.as_str(), row.detail.clone())).into())
        }
    }
}

fn push_of(source: &Source) -> Push {
    Push {
        source: source.id,
        source_code: source.code.clone(),
        entries: Vec::new(),
    }
}
