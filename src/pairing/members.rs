//! Whether branches may be in a pairing together: when it is proposed, and again when it becomes active.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::{
    model::{PairingBasis, PairingError, PairingForm, PairingRole},
    store,
};
use crate::{
    branch::{self, Branch, BranchForm, Domain},
    kernel::id::{BranchId, OrganizationId},
    organization,
    storage::{StoreError, write::Write},
};

/// A branch that is to be in a pairing; its row is locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub branch: &'a Branch,
    pub role: PairingRole,
}

/// A rule that stands in the way, and the branch it is about.
#[derive(Debug)]
pub(super) struct Objection {
    pub branch: Option<BranchId>,
    pub error: PairingError,
}

/// Everything that stands in the way of a pairing of these branches. Counts other pairings, so the branches' rows must
/// be locked: two pairings at once must not both take a branch's last place.
pub(super) async fn check(
    write: &Write<'_>,
    form: PairingForm,
    basis: PairingBasis,
    starts_on: NaiveDate,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Objection>, StoreError> {
    let mut objections = Vec::new();
    let leads: Vec<BranchId> = candidates
        .iter()
        .filter(|candidate| candidate.role == PairingRole::Lead)
        .map(|candidate| candidate.branch.id)
        .collect();
    if !form.holds(leads.len(), candidates.len() - leads.len()) {
        objections.push(Objection {
            branch: None,
            error: PairingError::Composition(form),
        });
    }
    if !basis_holds(write, basis, candidates).await? {
        objections.push(Objection {
            branch: None,
            error: PairingError::Basis(basis),
        });
    }

    let ids: Vec<BranchId> = candidates.iter().map(|candidate| candidate.branch.id).collect();
    let gold: HashSet<BranchId> = branch::gold_on(write.connection(), &leads, starts_on).await?;
    let active = store::active_pairings(write.connection(), &ids).await?;
    let most = write.rules().max_active_pairings;
    for candidate in candidates {
        let Branch { id, name, .. } = candidate.branch;
        let mut object = |error| {
            objections.push(Objection {
                branch: Some(*id),
                error,
            });
        };
        if !candidate.branch.is_active() {
            object(PairingError::Ended(name.clone()));
            continue;
        }
        if candidate.branch.form == BranchForm::Temporary {
            object(PairingError::Temporary(name.clone()));
            continue;
        }
        if candidate.role == PairingRole::Lead && !gold.contains(id) {
            object(PairingError::NotGold(name.clone(), starts_on));
        }
        if active.get(id).copied().unwrap_or_default() >= most {
            object(PairingError::TooManyPairings(name.clone(), most));
        }
    }
    Ok(objections)
}

async fn basis_holds(
    write: &Write<'_>,
    basis: PairingBasis,
    candidates: &[Candidate<'_>],
) -> Result<bool, StoreError> {
    let domains: Vec<Domain> = candidates
        .iter()
        .map(|candidate| candidate.branch.domain)
        .collect();
    let homes: Vec<OrganizationId> = candidates
        .iter()
        .map(|candidate| candidate.branch.organization_id)
        .collect();
    let committees = organization::nearest_committees(write.connection(), homes.iter().copied()).await?;
    let committees: Vec<Option<OrganizationId>> =
        homes.iter().map(|home| committees.get(home).copied()).collect();
    Ok(basis.holds(&domains, &committees))
}
