//! `createBranch`: a branch, with its first election where one was held.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    hooks::{BranchCoded, BranchHooks, BranchPlaced},
    model::{Branch, BranchError, BranchForm, BranchStatus, Domain, Holding, Term, office_line},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{
        id::{BranchId, OrganizationId},
        refusal::Refusal,
        text,
    },
    live::change::{Action, Change, Topic},
    organization::{self, OrganizationKind, create::not_found},
    storage::write::{Failure, Refusals, Write},
};

/// What is to be founded.
#[derive(Clone, Debug)]
pub struct CreateBranch {
    /// Its code as it was given.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The field it works in.
    pub domain: Domain,
    /// Its form of organization.
    pub form: BranchForm,
    /// None where the caller's id names no organization.
    pub organization: Option<OrganizationId>,
    /// The day it was founded; today or earlier.
    pub founded_on: NaiveDate,
    /// Full members, in persons.
    pub member_count: i32,
    /// Office line.
    pub contact_phone: Option<String>,
    /// The day of its first election.
    pub elected_on: Option<NaiveDate>,
    /// What is to run in the same transaction.
    pub hooks: BranchHooks,
}

/// Founds a branch under a committee or a general branch. A branch of its own needs as many full members as
/// [`Rules`](crate::kernel::rules::Rules) say; more than is usual is no error (docs/domain.md, 2).
pub async fn create(write: &mut Write<'_>, grant: &Grant, input: &CreateBranch) -> Result<BranchId, Failure> {
    let organization_id = check_organization(write, grant, input.organization).await?;
    let today = write.clock().today();
    let minimum = write.rules().minimum_members;

    let mut refusals = Refusals::default();
    let code = refusals.take(text::code(&input.code).map_err(|e| e.refusal(&["code"])));
    let name = refusals.take(text::name(&input.name).map_err(|e| e.refusal(&["name"])));
    let contact_phone = refusals.take(input.contact_phone.as_deref().map(office_line).transpose());
    refusals.require(input.founded_on <= today, || {
        BranchError::InTheFuture("foundedOn", today).into()
    });
    if input.member_count < 0 {
        refusals.require(false, || BranchError::NegativeMembers.into());
    } else if input.form == BranchForm::Single {
        refusals.require(input.member_count >= minimum, || {
            BranchError::TooFewMembers(minimum).into()
        });
    }
    let mut branch = Branch {
        // The database gives the key.
        id: BranchId(0),
        code: code.unwrap_or_default(),
        name: name.unwrap_or_default(),
        domain: input.domain,
        form: input.form,
        status: BranchStatus::Active,
        organization_id,
        founded_on: input.founded_on,
        ended_on: None,
        successor_id: None,
        member_count: input.member_count,
        contact_phone: contact_phone.flatten(),
        term_ends_on: None,
        version: 1,
        updated_at: write.clock().business(),
    };
    let term = refusals.take(
        input
            .elected_on
            .map(|on| branch.elect(None, on, None, today))
            .transpose(),
    );
    refusals.finish()?;

    // Two calls at once would both find the code free.
    write.lock("branch_code", &branch.code).await?;
    let own = Holding {
        source_code: None,
        since: branch.founded_on,
        until: None,
    };
    if store::holder(write, &branch.code, &own).await?.is_some() {
        return Err(Refusal::from(BranchError::CodeTaken(branch.code)).into());
    }

    branch.id = store::insert(write, &branch).await?;
    if let Some(term) = term.flatten() {
        let term = Term {
            branch_id: branch.id,
            ..term
        };
        store::insert_term(write, &term, None).await?;
    }
    let placed = BranchPlaced {
        branch: branch.id,
        before: None,
        after: branch.place(),
    };
    input.hooks.placed(write, &placed).await?;
    let coded = BranchCoded {
        branch: branch.id,
        code: branch.code.clone(),
        source_code: None,
    };
    input.hooks.coded(write, &coded).await?;
    write.audit(AuditRecord::new("createBranch").node(branch.id).after(json!({
        "code": branch.code, "name": branch.name, "domain": branch.domain.as_str(),
        "form": branch.form.as_str(), "organizationId": organization_id, "foundedOn": branch.founded_on,
        "memberCount": branch.member_count, "contactPhoneGiven": branch.contact_phone.is_some(),
        "electedOn": input.elected_on,
    })));
    write.change(
        Change::new(Topic::Branch, Action::Created, branch.id)
            .version(1)
            .branches([branch.id])
            .organizations([organization_id]),
    );
    Ok(branch.id)
}

/// The organization that a branch is to stand under: a committee or a general branch the caller may write.
pub(super) async fn check_organization(
    write: &Write<'_>,
    grant: &Grant,
    id: Option<OrganizationId>,
) -> Result<OrganizationId, Failure> {
    let id = id.ok_or_else(|| not_found(&["organizationId"]))?;
    let organization = organization::by_id(write.connection(), grant.scope(), id)
        .await?
        .ok_or_else(|| not_found(&["organizationId"]))?;
    grant.require_organization(write.connection(), id).await?;
    match organization.kind {
        OrganizationKind::Committee | OrganizationKind::GeneralBranch => Ok(id),
        OrganizationKind::District => Err(Refusal::from(BranchError::WrongOrganization).into()),
    }
}
