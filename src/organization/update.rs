//! `updateOrganization`: a new name, or a dated move to another parent.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    create::not_found,
    model::{Organization, OrganizationError},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::OrganizationId, refusal::Refusal, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Write, check_version},
};

/// What is to be changed; what is None stays.
#[derive(Clone, Debug)]
pub struct UpdateOrganization {
    /// None where the caller's id names no organization.
    pub id: Option<OrganizationId>,
    /// The version the caller read.
    pub version: i32,
    /// As the caller wrote it: normalized here.
    pub name: Option<String>,
    /// `Some(None)` where the caller's id names no organization.
    pub parent: Option<Option<OrganizationId>>,
    /// The day a move takes effect; today when left out.
    pub effective_on: Option<NaiveDate>,
}

/// Renames or moves an organization.
pub async fn update(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &UpdateOrganization,
) -> Result<OrganizationId, Failure> {
    let id = input.id.ok_or_else(|| not_found(&["id"]))?;
    // Moves of several organizations at once could close a ring that neither sees.
    write.lock("organization", "tree").await?;
    let before = store::lock(write, id).await?.ok_or_else(|| not_found(&["id"]))?;
    grant.require_organization(write.connection(), id).await?;
    check_version(input.version, before.version)?;

    let name = match &input.name {
        Some(name) => text::name(name).map_err(|e| e.refusal(&["name"]))?,
        None => before.name.clone(),
    };
    let to = check_move(write, &before, input).await?;

    let version = before.version + 1;
    store::update(write, id, &name, version).await?;
    if let (Some(from), Some((to, on))) = (before.parent_id, to) {
        store::set_parent(write, id, from, to, on).await?;
    }
    let parent = to.map_or(before.parent_id, |(to, _)| Some(to));
    write.audit(
        AuditRecord::new("updateOrganization")
            .node(id)
            .before(json!({ "name": before.name, "parentId": before.parent_id, "version": before.version }))
            .after(json!({
                "name": name, "parentId": parent, "version": version, "effectiveOn": to.map(|(_, on)| on),
            })),
    );
    // Old and new scope: whoever it left hears of it too.
    write.change(
        Change::new(Topic::Organization, Action::Updated, id)
            .version(version)
            .organizations([id])
            .organizations(before.parent_id)
            .organizations(parent),
    );
    Ok(id)
}

/// Where it moves to and on what day, if it moves.
async fn check_move(
    write: &Write<'_>,
    before: &Organization,
    input: &UpdateOrganization,
) -> Result<Option<(OrganizationId, NaiveDate)>, Failure> {
    let to = match input.parent {
        None => None,
        Some(None) => return Err(not_found(&["parentId"]).into()),
        Some(Some(id)) => Some(
            store::lock(write, id)
                .await?
                .ok_or_else(|| not_found(&["parentId"]))?,
        ),
    };
    let to = to.filter(|to| Some(to.id) != before.parent_id);
    let Some(to) = to else {
        return match input.effective_on {
            Some(_) => Err(Refusal::from(OrganizationError::NoMove).into()),
            None => Ok(None),
        };
    };
    if store::is_below(write, to.id, before.id).await? {
        return Err(Refusal::from(OrganizationError::Cycle).into());
    }
    if before.kind.parent() != Some(to.kind) {
        return Err(Refusal::from(OrganizationError::WrongParent(before.kind)).into());
    }
    let today = write.clock().today();
    let on = input.effective_on.unwrap_or(today);
    if on > today {
        return Err(Refusal::from(OrganizationError::InTheFuture("effectiveOn", today)).into());
    }
    Ok(Some((to.id, on)))
}
