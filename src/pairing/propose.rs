//! `proposePairing`.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use serde_json::json;

use super::{
    members::{self, Candidate},
    model::{
        MAX_MEMBERS, Member, Pairing, PairingBasis, PairingError, PairingForm, PairingRole, PairingState,
        check_days, check_year,
    },
    step::{at, branch_not_found, change, require_all},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    branch::{self, Branch},
    kernel::{
        id::{BranchId, PairingId},
        refusal::Refusal,
        text,
    },
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// What is proposed.
#[derive(Clone, Debug)]
pub struct ProposePairing {
    /// 1+N or N+N.
    pub form: PairingForm,
    /// What the members have in common.
    pub basis: PairingBasis,
    /// What it is called.
    pub title: String,
    /// What it is for.
    pub goal: Option<String>,
    /// The campaign year it belongs to.
    pub year: i32,
    /// The leads; None where the caller's id names no branch.
    pub leads: Vec<Option<BranchId>>,
    /// The partners, likewise.
    pub partners: Vec<Option<BranchId>>,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day.
    pub ends_on: Option<NaiveDate>,
}

/// A branch as the input names it.
struct Named {
    id: BranchId,
    role: PairingRole,
    field: &'static str,
    position: String,
}

impl Named {
    fn path(&self) -> [&str; 2] {
        [self.field, &self.position]
    }
}

/// Proposes a pairing. A branch proposes one that it is in, and has accepted it thereby; a committee one whose members
/// are all its own; the district any.
pub async fn propose(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ProposePairing,
) -> Result<PairingId, Failure> {
    if input.leads.len() + input.partners.len() > MAX_MEMBERS {
        return Err(Refusal::from(PairingError::TooManyMembers).into());
    }
    let named = named(input)?;
    let ids: Vec<BranchId> = named.iter().map(|named| named.id).collect();
    let branches = branch::lock(write, &ids).await?;
    let mut refusals = Refusals::default();
    for named in &named {
        refusals.require(branches.contains_key(&named.id), || {
            branch_not_found(&named.path())
        });
    }
    refusals.finish()?;
    let proposed_by = proposer(write, grant, &ids).await?;

    let mut refusals = Refusals::default();
    let title = refusals.take(text::name(&input.title).map_err(|e| e.refusal(&["title"])));
    let goal = refusals.take(
        input
            .goal
            .as_deref()
            .map(|goal| text::prose(goal, text::PROSE_LIMIT))
            .transpose()
            .map_err(|e| e.refusal(&["goal"])),
    );
    refusals.take(check_days(input.starts_on, input.ends_on));
    refusals.take(check_year(input.year, input.starts_on));
    check_members(write, input, &named, &branches, &mut refusals).await?;
    let (title, goal) = refusals.finish_with(title.zip(goal))?;

    let now = write.clock().business();
    let mut pairing = Pairing {
        id: PairingId(0),
        form: input.form,
        basis: input.basis,
        title,
        goal,
        year: input.year,
        state: PairingState::Proposed,
        starts_on: input.starts_on,
        ends_on: input.ends_on,
        proposed_by,
        approved_at: None,
        end_reason: None,
        version: 1,
        updated_at: now,
    };
    pairing.id = store::insert(write, &pairing).await?;
    let members: Vec<Member> = named
        .iter()
        .map(|named| Member {
            pairing_id: pairing.id,
            branch_id: named.id,
            role: named.role,
            accepted_at: (proposed_by == Some(named.id)).then_some(now),
            left_on: None,
        })
        .collect();
    store::insert_members(write, &members).await?;
    let of = |role| -> Vec<BranchId> {
        let members = members.iter().filter(|member| member.role == role);
        members.map(|member| member.branch_id).collect()
    };
    write.audit(AuditRecord::new("proposePairing").node(pairing.id).after(json!({
        "form": pairing.form.as_str(), "basis": pairing.basis.as_str(), "title": pairing.title,
        "year": pairing.year, "leadIds": of(PairingRole::Lead), "partnerIds": of(PairingRole::Partner),
        "startsOn": pairing.starts_on, "endsOn": pairing.ends_on, "proposedBy": proposed_by,
    })));
    write.change(change(Action::Created, pairing.state, &pairing, &members));
    Ok(pairing.id)
}

/// The branches that the input names, each once, leads first.
fn named(input: &ProposePairing) -> Result<Vec<Named>, Failure> {
    let leads = input
        .leads
        .iter()
        .enumerate()
        .map(|(n, id)| (n, id, PairingRole::Lead));
    let partners = input
        .partners
        .iter()
        .enumerate()
        .map(|(n, id)| (n, id, PairingRole::Partner));
    let mut refusals = Refusals::default();
    let mut seen = HashSet::new();
    let mut named = Vec::new();
    for (position, id, role) in leads.chain(partners) {
        let field = match role {
            PairingRole::Lead => "leadIds",
            PairingRole::Partner => "partnerIds",
        };
        let position = position.to_string();
        let path = [field, position.as_str()];
        let Some(id) = refusals.take(id.ok_or_else(|| branch_not_found(&path))) else {
            continue;
        };
        refusals.require(seen.insert(id), || at(&path, PairingError::Twice));
        named.push(Named {
            id,
            role,
            field,
            position,
        });
    }
    refusals.finish()?;
    Ok(named)
}

/// The branch that proposes; none when a committee or the district does.
async fn proposer(write: &Write<'_>, grant: &Grant, ids: &[BranchId]) -> Result<Option<BranchId>, Failure> {
    match grant.extent() {
        Extent::Branch(own) if ids.contains(&own) => Ok(Some(own)),
        Extent::Branch(_) => Err(Refusal::from(PairingError::WithoutOwnBranch).into()),
        _ if ids.is_empty() => Ok(None),
        _ => {
            require_all(write, grant, ids, &["partnerIds"]).await?;
            Ok(None)
        }
    }
}

async fn check_members(
    write: &Write<'_>,
    input: &ProposePairing,
    named: &[Named],
    branches: &HashMap<BranchId, Branch>,
    refusals: &mut Refusals,
) -> Result<(), Failure> {
    let candidates: Vec<Candidate<'_>> = named
        .iter()
        .filter_map(|named| {
            branches.get(&named.id).map(|branch| Candidate {
                branch,
                role: named.role,
            })
        })
        .collect();
    let objections = members::check(write, input.form, input.basis, input.starts_on, &candidates).await?;
    for objection in objections {
        let about = named.iter().find(|named| Some(named.id) == objection.branch);
        refusals.take(Err::<(), Refusal>(match about {
            Some(named) => at(&named.path(), objection.error),
            None => objection.error.into(),
        }));
    }
    Ok(())
}
