//! What the steps of a pairing share: finding and locking it, who may take them, and saying what was done.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    members::{self, Candidate},
    model::{Member, Pairing, PairingError, PairingState, Step},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    branch::{self, Branch},
    kernel::{
        id::{BranchId, PairingId},
        message::Message,
        refusal::Refusal,
    },
    live::change::{Action, Change, Topic},
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// A pairing with its members, locked until the transaction ends.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub pairing: Pairing,
    pub members: Vec<Member>,
}

/// A pairing that the caller may see, locked; NOT_FOUND at `path` where there is none.
pub(super) async fn open(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<PairingId>,
    path: &[&str],
) -> Result<Opened, Failure> {
    let id = visible(write, grant, id, path).await?;
    lock(write, id, path).await
}

/// The same for a step over its members: their branches' rows are locked first, in the order of their ids, as a merger
/// of theirs does. Who the members are never changes, only whether they stay.
pub(super) async fn open_with_branches(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<PairingId>,
    path: &[&str],
) -> Result<(Opened, HashMap<BranchId, Branch>), Failure> {
    let id = visible(write, grant, id, path).await?;
    let members = store::members(write.connection(), &[id]).await?;
    let ids: Vec<BranchId> = members
        .values()
        .flatten()
        .map(|member| member.branch_id)
        .collect();
    let branches = branch::lock(write, &ids).await?;
    Ok((lock(write, id, path).await?, branches))
}

async fn visible(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<PairingId>,
    path: &[&str],
) -> Result<PairingId, Failure> {
    let id = id.ok_or_else(|| not_found(path))?;
    let seen = store::by_ids(write.connection(), grant.scope(), &[id]).await?;
    if seen.contains_key(&id) {
        Ok(id)
    } else {
        Err(not_found(path).into())
    }
}

async fn lock(write: &Write<'_>, id: PairingId, path: &[&str]) -> Result<Opened, Failure> {
    let pairing = store::lock(write, id).await?.ok_or_else(|| not_found(path))?;
    let members = store::members(write.connection(), &[id]).await?.remove(&id);
    Ok(Opened {
        pairing,
        members: members.unwrap_or_default(),
    })
}

/// NOT_FOUND of a pairing that the input names.
fn not_found(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该结对", "pairing"))
}

/// NOT_FOUND of a branch that the input names.
pub(super) fn branch_not_found(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该党支部", "branch"))
}

/// Passes who covers all of the branches: their committee, or the district. Who covers some of them hears that the
/// rest is beyond it; for all others it is FORBIDDEN.
pub(super) async fn require_all(
    write: &Write<'_>,
    grant: &Grant,
    branches: &[BranchId],
    path: &[&str],
) -> Result<(), Failure> {
    let covered = store::covered(write.connection(), grant.extent(), branches).await?;
    if branches.iter().all(|id| covered.contains(id)) {
        Ok(())
    } else if covered.is_empty() {
        Err(Failure::Forbidden)
    } else {
        Err(at(path, PairingError::Spanning).into())
    }
}

/// A rule's refusal at another path than its own.
pub(super) fn at(path: &[&str], error: PairingError) -> Refusal {
    Refusal {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        ..Refusal::from(error)
    }
}

impl Opened {
    /// The branches still in it.
    pub fn staying(&self) -> Vec<BranchId> {
        self.members
            .iter()
            .filter(|member| member.stays())
            .map(|member| member.branch_id)
            .collect()
    }

    /// The member that a branch still is.
    pub fn member(&self, branch: BranchId) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.stays() && member.branch_id == branch)
    }

    /// Takes a step, or says why there is none from here.
    pub fn step(&mut self, step: Step, path: &[&str]) -> Result<(), Refusal> {
        self.pairing.state = self.pairing.state.after(step).map_err(|error| at(path, error))?;
        Ok(())
    }

    /// Makes it ACTIVE if every member has accepted and it is approved; refuses when a member may not be in it (any
    /// more): what was checked when it was proposed may have changed since.
    pub async fn activate_when_ready(
        &mut self,
        write: &Write<'_>,
        branches: &HashMap<BranchId, Branch>,
    ) -> Result<(), Failure> {
        let accepted = self.members.iter().all(|member| member.accepted_at.is_some());
        if !accepted || self.pairing.approved_at.is_none() {
            return Ok(());
        }
        let candidates: Vec<Candidate<'_>> = self
            .members
            .iter()
            .filter_map(|member| {
                branches.get(&member.branch_id).map(|branch| Candidate {
                    branch,
                    role: member.role,
                })
            })
            .collect();
        let objections = members::check(
            write,
            self.pairing.form,
            self.pairing.basis,
            self.pairing.starts_on,
            &candidates,
        )
        .await?;
        if !objections.is_empty() {
            let refusals = objections.into_iter().map(|o| at(&["id"], o.error));
            return Err(Failure::Refused(refusals.collect()));
        }
        Ok(self.step(Step::Activate, &["id"])?)
    }

    fn snapshot(&self) -> Value {
        let of = |chosen: fn(&Member) -> bool| -> Vec<BranchId> {
            self.members
                .iter()
                .filter(|member| chosen(member))
                .map(|member| member.branch_id)
                .collect()
        };
        json!({
            "state": self.pairing.state.as_str(),
            "acceptedBy": of(|member| member.accepted_at.is_some()),
            "left": of(|member| !member.stays()),
            "approvedAt": self.pairing.approved_at,
            "endReason": self.pairing.end_reason,
            "version": self.pairing.version,
        })
    }
}

/// Writes a pairing after a step, and says so in the audit trail and the change log.
pub(super) async fn save(
    write: &mut Write<'_>,
    action: &'static str,
    before: &Opened,
    mut after: Opened,
) -> Result<PairingId, StoreError> {
    let id = before.pairing.id;
    after.pairing.version = before.pairing.version + 1;
    after.pairing.updated_at = write.clock().business();
    store::save(write, &after.pairing).await?;
    write.audit(
        AuditRecord::new(action)
            .node(id)
            .before(before.snapshot())
            .after(after.snapshot()),
    );
    write.change(change(
        Action::Updated,
        before.pairing.state,
        &after.pairing,
        &after.members,
    ));
    Ok(id)
}

/// The change of a step. Who saw the pairing before hears of it too, so only what was and stays a proposal (or was
/// rejected) is told in scope only.
pub(super) fn change(action: Action, was: PairingState, pairing: &Pairing, members: &[Member]) -> Change {
    Change::new(Topic::Pairing, action, pairing.id)
        .version(pairing.version)
        .branches(members.iter().map(|member| member.branch_id))
        .in_scope_only(!was.is_public() && !pairing.state.is_public())
}

/// Passes a member branch's own officer, and who [`require_all`] passes.
pub(super) async fn require_member_or_all(
    write: &Write<'_>,
    grant: &Grant,
    opened: &Opened,
) -> Result<(), Failure> {
    match grant.extent() {
        Extent::Branch(own) if opened.member(own).is_some() => Ok(()),
        Extent::Branch(_) => Err(Failure::Forbidden),
        _ => require_all(write, grant, &opened.staying(), &["id"]).await,
    }
}
