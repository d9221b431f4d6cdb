//! `correctTraining`: what was recorded wrongly.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    check,
    model::{QuarterHours, TrainingError, TrainingRecord},
    participant::Participants,
    store::{
        self,
        record::{lock, put_branches, put_participants, update},
    },
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{
        id::{BranchId, SiteId, TrainingRecordId},
        text,
    },
    live::change::Action,
    storage::write::{Failure, Refusals, Write, check_version},
};

/// What is to be corrected; what is None stays.
#[derive(Clone, Debug)]
pub struct CorrectTraining {
    /// None where the caller's id names no record.
    pub id: Option<TrainingRecordId>,
    /// The version that was read.
    pub version: i32,
    /// What it was about.
    pub topic: Option<String>,
    /// The day it was held.
    pub held_on: Option<NaiveDate>,
    /// Credit hours.
    pub hours: Option<f64>,
    /// Where: `Some(None)` for no site, `Some(Some(None))` where the caller's id names none.
    pub site: Option<Option<Option<SiteId>>>,
    /// The branches that took part, in the place of those recorded.
    pub branches: Option<Vec<Option<BranchId>>>,
    /// Who came, in the place of those recorded.
    pub participants: Option<Participants>,
}

/// Corrects a record.
pub async fn correct(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &CorrectTraining,
) -> Result<TrainingRecordId, Failure> {
    let (before, branches_before) = take(write, grant, input.id).await?;
    let mut refusals = Refusals::default();
    refusals.take(check_version(input.version, before.version));

    let today = write.clock().today();
    let topic = match &input.topic {
        Some(topic) => refusals.take(text::name(topic).map_err(|e| e.refusal(&["topic"]))),
        None => Some(before.topic.clone()),
    };
    let held_on = input.held_on.unwrap_or(before.held_on);
    refusals.require(input.held_on.is_none_or(|day| day <= today), || {
        TrainingError::InTheFuture("heldOn", today).into()
    });
    let hours = match input.hours {
        Some(hours) => refusals.take(QuarterHours::from_hours(hours)),
        None => Some(before.hours),
    };
    let site_id = match input.site {
        None => before.site_id,
        Some(None) => None,
        Some(Some(given)) => check::site(write, grant, given, &mut refusals).await?,
    };
    // Another day asks anew whether the recorded branches were there already.
    let branches = match &input.branches {
        Some(given) => check::branches(write, grant, given, held_on, &mut refusals).await?,
        None if held_on != before.held_on => {
            let recorded: Vec<Option<BranchId>> = branches_before.iter().copied().map(Some).collect();
            check::branches(write, grant, &recorded, held_on, &mut refusals).await?
        }
        None => Some(branches_before.clone()),
    };
    let participants = match &input.participants {
        Some(given) => check::participants(given, &mut refusals).map(Some),
        None => Some(None),
    };
    refusals.finish()?;
    let (Some(topic), Some(hours), Some(branches), Some(participants)) =
        (topic, hours, branches, participants)
    else {
        return Err(Failure::Refused(Vec::new()));
    };

    let after = TrainingRecord {
        topic,
        held_on,
        hours,
        site_id,
        attendee_count: participants.map_or(before.attendee_count, |(_, count)| count),
        version: before.version + 1,
        ..before.clone()
    };
    update(write, &after).await?;
    if input.branches.is_some() {
        put_branches(write, before.id, &branches).await?;
    }
    if let Some((participants, _)) = participants {
        put_participants(write, before.id, participants).await?;
    }
    write.audit(
        AuditRecord::new("correctTraining")
            .node(before.id)
            .before(account(&before, &branches_before))
            .after(account(&after, &branches)),
    );
    let concerned = branches_before.into_iter().chain(branches);
    write.change(check::changed(
        Action::Updated,
        before.id,
        after.version,
        before.organizer_id,
        concerned,
    ));
    Ok(before.id)
}

/// The record that the input names with the branches that took part, locked, for a caller whose organizer it is:
/// NOT_FOUND where the caller may not see it, FORBIDDEN where somebody else held it.
pub(super) async fn take(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<TrainingRecordId>,
) -> Result<(TrainingRecord, Vec<BranchId>), Failure> {
    let id = id.ok_or_else(check::no_record)?;
    let seen = store::by_ids(write.connection(), grant.scope(), &[id]).await?;
    let seen = seen.get(&id).ok_or_else(check::no_record)?;
    grant
        .require_organization(write.connection(), seen.organizer_id)
        .await?;
    let record = lock(write, id).await?.ok_or_else(check::no_record)?;
    let branches = store::branches(write.connection(), &[id]).await?.remove(&id);
    Ok((record, branches.unwrap_or_default()))
}

/// A record for the audit trail: how many came, and nothing about who.
pub(super) fn account(record: &TrainingRecord, branches: &[BranchId]) -> Value {
    json!({
        "topic": record.topic, "kind": record.kind.as_str(), "audience": record.audience.as_str(),
        "heldOn": record.held_on, "hours": record.hours.hours(), "organizerId": record.organizer_id,
        "siteId": record.site_id, "branchIds": branches, "attendeeCount": record.attendee_count,
        "version": record.version,
    })
}
