//! `recordTraining`: what was held, where, for whom, and how many came.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    check,
    model::{QuarterHours, TrainingAudience, TrainingError, TrainingKind},
    participant::Participants,
    store::record::{NewRecord, insert, put_branches, put_participants},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{
        id::{BranchId, OrganizationId, SiteId, TrainingRecordId},
        text,
    },
    live::change::Action,
    organization,
    storage::write::{Failure, Refusals, Write},
};

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct RecordTraining {
    /// What it was about.
    pub topic: String,
    /// How it was held.
    pub kind: TrainingKind,
    /// For whom.
    pub audience: TrainingAudience,
    /// The day it was held; not in the future.
    pub held_on: NaiveDate,
    /// Credit hours each participant earned.
    pub hours: f64,
    /// None where the caller's id names no organization.
    pub organizer: Option<OrganizationId>,
    /// `Some(None)` where the caller's id names no site.
    pub site: Option<Option<SiteId>>,
    /// The branches that took part; None where an id names no branch.
    pub branches: Vec<Option<BranchId>>,
    /// Who came, hashed already.
    pub participants: Participants,
}

/// Keeps a record of a training.
pub async fn record(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RecordTraining,
) -> Result<TrainingRecordId, Failure> {
    let mut refusals = Refusals::default();
    let organizer = match input.organizer {
        Some(id) => organization::by_id(write.connection(), grant.scope(), id).await?,
        None => None,
    };
    match &organizer {
        Some(organizer) => {
            grant
                .require_organization(write.connection(), organizer.id)
                .await?;
        }
        None => refusals.require(false, || check::no_organization(&["organizerId"])),
    }

    let today = write.clock().today();
    let topic = refusals.take(text::name(&input.topic).map_err(|e| e.refusal(&["topic"])));
    refusals.require(input.held_on <= today, || {
        TrainingError::InTheFuture("heldOn", today).into()
    });
    let hours = refusals.take(QuarterHours::from_hours(input.hours));
    let site = match input.site {
        Some(given) => check::site(write, grant, given, &mut refusals).await?,
        None => None,
    };
    let branches = check::branches(write, grant, &input.branches, input.held_on, &mut refusals).await?;
    let participants = check::participants(&input.participants, &mut refusals);
    refusals.finish()?;
    let (Some(organizer), Some(topic), Some(hours), Some(branches), Some((participants, attendee_count))) =
        (organizer, topic, hours, branches, participants)
    else {
        return Err(Failure::Refused(Vec::new()));
    };

    let new = NewRecord {
        topic: &topic,
        kind: input.kind,
        audience: input.audience,
        held_on: input.held_on,
        hours,
        organizer: organizer.id,
        site,
        attendee_count,
    };
    let id = insert(write, new).await?;
    put_branches(write, id, &branches).await?;
    put_participants(write, id, participants).await?;
    // How many came, and nothing about who.
    write.audit(AuditRecord::new("recordTraining").node(id).after(json!({
        "topic": topic, "kind": input.kind.as_str(), "audience": input.audience.as_str(), "heldOn": input.held_on,
        "hours": hours.hours(), "organizerId": organizer.id, "siteId": site, "branchIds": branches,
        "attendeeCount": attendee_count, "version": 1,
    })));
    write.change(check::changed(Action::Created, id, 1, organizer.id, branches));
    Ok(id)
}
