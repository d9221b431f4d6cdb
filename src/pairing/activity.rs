//! `recordPairingActivity`: by a member branch that took part.

use std::collections::HashSet;

use chrono::NaiveDate;
use serde_json::json;

use super::{
    model::{PairingActivity, PairingError, Step, check_held_on},
    step::{at, branch_not_found, open_with_branches, save},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    kernel::{
        id::{BranchId, PairingActivityId, PairingId},
        text,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// What was done together.
#[derive(Clone, Debug)]
pub struct RecordPairingActivity {
    /// None where the caller's id names no pairing.
    pub pairing: Option<PairingId>,
    /// The day it was held.
    pub held_on: NaiveDate,
    /// What it was about.
    pub topic: String,
    /// What came of it.
    pub outcome: Option<String>,
    /// The branches that took part; None where the caller's id names no branch.
    pub branches: Vec<Option<BranchId>>,
}

/// Records an activity of an active pairing. The recording branch took part itself; whoever took part is a member that has
/// not left.
pub async fn record(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RecordPairingActivity,
) -> Result<PairingId, Failure> {
    let (before, _branches) = open_with_branches(write, grant, input.pairing, &["pairingId"]).await?;
    let Extent::Branch(own) = grant.extent() else {
        return Err(Failure::Forbidden);
    };
    if before.member(own).is_none() {
        return Err(Failure::Forbidden);
    }
    let mut after = before.clone();
    after.step(Step::RecordActivity, &["pairingId"])?;

    let mut refusals = Refusals::default();
    let topic = refusals.take(text::name(&input.topic).map_err(|e| e.refusal(&["topic"])));
    let outcome = refusals.take(
        input
            .outcome
            .as_deref()
            .map(|outcome| text::prose(outcome, text::PROSE_LIMIT))
            .transpose()
            .map_err(|e| e.refusal(&["outcome"])),
    );
    refusals.take(check_held_on(
        &before.pairing,
        input.held_on,
        write.clock().today(),
    ));
    let mut branches = HashSet::new();
    for (position, id) in input.branches.iter().enumerate() {
        let position = position.to_string();
        let path = ["branchIds", position.as_str()];
        if let Some(id) = refusals.take(id.ok_or_else(|| branch_not_found(&path))) {
            refusals.require(before.member(id).is_some(), || at(&path, PairingError::NotMember));
            refusals.require(branches.insert(id), || at(&path, PairingError::Twice));
        }
    }
    refusals.require(!input.branches.is_empty(), || PairingError::NobodyTookPart.into());
    refusals.require(input.branches.is_empty() || branches.contains(&own), || {
        PairingError::OwnBranchTookNoPart.into()
    });
    let (topic, outcome) = refusals.finish_with(topic.zip(outcome))?;

    let mut branches: Vec<BranchId> = branches.into_iter().collect();
    branches.sort_unstable();
    let activity = PairingActivity {
        id: PairingActivityId(0),
        pairing_id: before.pairing.id,
        held_on: input.held_on,
        topic,
        outcome,
    };
    let id = store::insert_activity(write, &activity, &branches).await?;
    write.audit(AuditRecord::new("recordPairingActivity").node(id).after(json!({
        "pairingId": activity.pairing_id, "heldOn": activity.held_on, "topic": activity.topic,
        "outcome": activity.outcome, "branchIds": branches,
    })));
    write.change(
        Change::new(Topic::Pairing, Action::Created, id)
            .branches(before.members.iter().map(|member| member.branch_id)),
    );
    Ok(save(write, "recordPairingActivity", &before, after).await?)
}
