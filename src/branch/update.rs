//! `updateBranch`: what a branch tells of itself, and its dated move to another organization.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    create::check_organization,
    hooks::{BranchHooks, BranchPlaced},
    model::{Branch, BranchError, Domain, office_line},
    store,
    target::{check_current, locked},
};
use crate::{
    audit::AuditRecord,
    auth::{Extent, Grant},
    kernel::{
        id::{BranchId, OrganizationId},
        refusal::Refusal,
        text,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// What is to be changed; what is None stays.
#[derive(Clone, Debug)]
pub struct UpdateBranch {
    /// None where the caller's id names no branch.
    pub id: Option<BranchId>,
    /// The version that was read.
    pub version: i32,
    /// Its new name.
    pub name: Option<String>,
    /// Its new field.
    pub domain: Option<Domain>,
    /// Where it moves to; `Some(None)` where the caller's id names no organization.
    pub organization: Option<Option<OrganizationId>>,
    /// Full members, in persons.
    pub member_count: Option<i32>,
    /// Office line; `Some(None)` takes it out.
    pub contact_phone: Option<Option<String>>,
    /// The day a move takes effect; today when left out.
    pub effective_on: Option<NaiveDate>,
    /// What is to run in the same transaction.
    pub hooks: BranchHooks,
}

impl UpdateBranch {
    /// Whether it holds only what a branch may change of itself: its member count and its office line.
    fn is_a_branchs_own(&self) -> bool {
        self.name.is_none()
            && self.domain.is_none()
            && self.organization.is_none()
            && self.effective_on.is_none()
    }
}

/// Changes a branch. A branch officer changes member count and office line only (docs/domain.md, 10).
pub async fn update(write: &mut Write<'_>, grant: &Grant, input: &UpdateBranch) -> Result<BranchId, Failure> {
    let before = locked(write, grant, input.id, "id").await?;
    if matches!(grant.extent(), Extent::Branch(_)) && !input.is_a_branchs_own() {
        return Err(Failure::Forbidden);
    }
    check_current(&before, input.version, "id")?;
    let moved = check_move(write, grant, &before, input).await?;

    let mut refusals = Refusals::default();
    let name = refusals.take(
        input
            .name
            .as_deref()
            .map(|name| text::name(name).map_err(|e| e.refusal(&["name"])))
            .transpose(),
    );
    refusals.require(input.member_count.is_none_or(|count| count >= 0), || {
        BranchError::NegativeMembers.into()
    });
    let phone = refusals.take(
        input
            .contact_phone
            .as_ref()
            .map(|phone| phone.as_deref().map(office_line).transpose())
            .transpose(),
    );
    refusals.finish()?;

    let after = Branch {
        name: name.flatten().unwrap_or_else(|| before.name.clone()),
        domain: input.domain.unwrap_or(before.domain),
        organization_id: moved.map_or(before.organization_id, |(to, _)| to),
        member_count: input.member_count.unwrap_or(before.member_count),
        contact_phone: phone.flatten().unwrap_or_else(|| before.contact_phone.clone()),
        ..before.clone()
    };
    store::update(write, &after).await?;
    if let Some((to, on)) = moved {
        store::add_move(write, before.id, before.organization_id, to, on).await?;
    }
    let placed = BranchPlaced {
        branch: before.id,
        before: before.place(),
        after: after.place(),
    };
    input.hooks.placed(write, &placed).await?;
    // That the office line changed is told, the line is not.
    let told = |branch: &Branch| {
        json!({
            "name": branch.name, "domain": branch.domain.as_str(), "organizationId": branch.organization_id,
            "memberCount": branch.member_count,
        })
    };
    let mut now = told(&after);
    if let Some(now) = now.as_object_mut() {
        now.insert("version".to_owned(), json!(before.version + 1));
        now.insert(
            "contactPhoneChanged".to_owned(),
            json!(after.contact_phone != before.contact_phone),
        );
        now.insert("effectiveOn".to_owned(), json!(moved.map(|(_, on)| on)));
    }
    let mut was = told(&before);
    if let Some(was) = was.as_object_mut() {
        was.insert("version".to_owned(), json!(before.version));
    }
    write.audit(
        AuditRecord::new("updateBranch")
            .node(before.id)
            .before(was)
            .after(now),
    );
    // Old and new scope: whoever it left hears of it too.
    write.change(
        Change::new(Topic::Branch, Action::Updated, before.id)
            .version(before.version + 1)
            .branches([before.id])
            .organizations([before.organization_id, after.organization_id]),
    );
    Ok(before.id)
}

/// Where it moves to and on what day, if it moves.
async fn check_move(
    write: &Write<'_>,
    grant: &Grant,
    before: &Branch,
    input: &UpdateBranch,
) -> Result<Option<(OrganizationId, NaiveDate)>, Failure> {
    let to = match input.organization {
        None => None,
        Some(id) => Some(check_organization(write, grant, id).await?),
    };
    let Some(to) = to.filter(|to| *to != before.organization_id) else {
        return match input.effective_on {
            Some(_) => Err(Refusal::from(BranchError::NoMove).into()),
            None => Ok(None),
        };
    };
    let today = write.clock().today();
    let on = input.effective_on.unwrap_or(today);
    before.check_effective(on, today).map_err(Refusal::from)?;
    Ok(Some((to, on)))
}
