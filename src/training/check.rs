//! What recording and correcting a training have in common: what an input names, looked up and checked.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;

use super::{
    model::{MAX_BRANCHES, TrainingError},
    participant::{Participant, Participants},
    store,
};
use crate::{
    auth::Grant,
    branch,
    kernel::{
        id::{BranchId, OrganizationId, SiteId, TrainingRecordId},
        message::Message,
        refusal::Refusal,
    },
    live::change::{Action, Change, Topic},
    organization,
    storage::write::{Failure, Refusals, Write},
};

/// The branches that took part: each exists, is named once, was founded by the day and had not ended before it.
pub(super) async fn branches(
    write: &Write<'_>,
    grant: &Grant,
    given: &[Option<BranchId>],
    held_on: NaiveDate,
    refusals: &mut Refusals,
) -> Result<Option<Vec<BranchId>>, Failure> {
    if given.len() > MAX_BRANCHES {
        refusals.require(false, || TrainingError::TooManyBranches(given.len()).into());
        return Ok(None);
    }
    let ids: Vec<BranchId> = given.iter().copied().flatten().collect();
    let found = branch::by_ids(write.connection(), grant.scope(), &ids).await?;
    let mut named = HashSet::new();
    let mut taken = Vec::with_capacity(given.len());
    for (place, id) in given.iter().enumerate() {
        let Some(branch) = id.and_then(|id| found.get(&id)) else {
            refusals.require(false, || {
                Refusal::not_found(
                    &["branchIds", &place.to_string()],
                    Message::new("该党支部", "branch"),
                )
            });
            continue;
        };
        let fault = if !named.insert(branch.id) {
            Some(TrainingError::BranchTwice(place))
        } else if branch.founded_on > held_on {
            Some(TrainingError::FoundedLater(place, branch.founded_on))
        } else {
            branch
                .ended_on
                .filter(|&ended| ended < held_on)
                .map(|ended| TrainingError::EndedBefore(place, ended))
        };
        match fault {
            Some(fault) => refusals.require(false, || fault.into()),
            None => taken.push(branch.id),
        }
    }
    Ok((taken.len() == given.len()).then_some(taken))
}

/// The site that the input names; sites are never removed, so one that is there stays.
pub(super) async fn site(
    write: &Write<'_>,
    grant: &Grant,
    given: Option<SiteId>,
    refusals: &mut Refusals,
) -> Result<Option<SiteId>, Failure> {
    let found = match given {
        Some(id) => store::site::by_ids(write.connection(), grant.scope(), &[id])
            .await?
            .remove(&id),
        None => None,
    };
    refusals.require(found.is_some(), || no_site(&["siteId"]));
    Ok(found.map(|site| site.id))
}

/// The participants with how many they are, or what is wrong with the references.
pub(super) fn participants<'a>(
    given: &'a Participants,
    refusals: &mut Refusals,
) -> Option<(&'a BTreeSet<Participant>, i32)> {
    match given {
        Ok(participants) => i32::try_from(participants.len())
            .ok()
            .map(|count| (participants, count)),
        Err(faults) => {
            for fault in faults {
                refusals.require(false, || fault.clone().into());
            }
            None
        }
    }
}

/// A change of a record, for those in scope of its organizer or of a branch that takes or took part.
pub(super) fn changed(
    action: Action,
    id: TrainingRecordId,
    version: impl Into<Option<i32>>,
    organizer: OrganizationId,
    branches: impl IntoIterator<Item = BranchId>,
) -> Change {
    let branches: BTreeSet<BranchId> = branches.into_iter().collect();
    let change = Change::new(Topic::Training, action, id)
        .branches(branches)
        .organizations([organizer])
        .in_scope_only(true);
    match version.into() {
        Some(version) => change.version(version),
        None => change,
    }
}

/// NOT_FOUND of the record that the input names.
pub(super) fn no_record() -> Refusal {
    Refusal::not_found(&["id"], Message::new("该培训记录", "training record"))
}

/// NOT_FOUND of a site that the input names.
pub(super) fn no_site(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该阵地", "site"))
}

/// NOT_FOUND of an organization that the input names.
pub(super) fn no_organization(path: &[&str]) -> Refusal {
    organization::create::not_found(path)
}
