//! `saveSite`: a new site, or what changes of one.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    check::{no_organization, no_site},
    model::{Site, SiteKind, TrainingError},
    store::site,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{
        id::{OrganizationId, SiteId},
        text,
    },
    live::change::{Action, Change, Topic},
    organization,
    storage::write::{Failure, Refusals, Write, check_version},
};

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct SaveSite {
    /// None for a new site; `Some(None)` where the caller's id names none.
    pub id: Option<Option<SiteId>>,
    /// The version that was read; goes with `id`.
    pub version: Option<i32>,
    /// Its name.
    pub name: String,
    /// What kind of site.
    pub kind: SiteKind,
    /// None where the caller's id names no organization.
    pub organization: Option<OrganizationId>,
    /// 规范提升: left out (None), cleared, or the day.
    pub upgraded_on: Option<Option<NaiveDate>>,
}

/// Makes a site, or writes what changes of one; one that moves to another organization needs the right over both.
pub async fn save_site(write: &mut Write<'_>, grant: &Grant, input: &SaveSite) -> Result<SiteId, Failure> {
    let before = match input.id {
        None => None,
        Some(id) => {
            let id = id.ok_or_else(|| no_site(&["id"]))?;
            let site = site::lock(write, id).await?.ok_or_else(|| no_site(&["id"]))?;
            grant
                .require_organization(write.connection(), site.organization_id)
                .await?;
            Some(site)
        }
    };
    let organization = match input.organization {
        Some(id) => organization::by_id(write.connection(), grant.scope(), id).await?,
        None => None,
    };
    let mut refusals = Refusals::default();
    match &organization {
        Some(organization) => {
            grant
                .require_organization(write.connection(), organization.id)
                .await?;
        }
        None => refusals.require(false, || no_organization(&["organizationId"])),
    }
    match (&before, input.version) {
        (Some(before), Some(version)) => {
            refusals.take(check_version(version, before.version));
        }
        (Some(_), None) => refusals.require(false, || TrainingError::NoVersion.into()),
        (None, Some(_)) => refusals.require(false, || TrainingError::VersionOfNothing.into()),
        (None, None) => {}
    }
    let name = refusals.take(text::name(&input.name).map_err(|e| e.refusal(&["name"])));
    let today = write.clock().today();
    refusals.require(input.upgraded_on.flatten().is_none_or(|day| day <= today), || {
        TrainingError::InTheFuture("upgradedOn", today).into()
    });
    let (organization, name) = refusals.finish_with(organization.zip(name))?;

    let Some(before) = before else {
        let upgraded_on = input.upgraded_on.flatten();
        let id = site::insert(write, &name, input.kind, organization.id, upgraded_on).await?;
        write.audit(AuditRecord::new("saveSite").node(id).after(json!({
            "name": name, "kind": input.kind.as_str(), "organizationId": organization.id,
            "upgradedOn": upgraded_on, "version": 1,
        })));
        write.change(
            Change::new(Topic::Training, Action::Created, id)
                .version(1)
                .organizations([organization.id]),
        );
        return Ok(id);
    };
    let after = Site {
        id: before.id,
        name,
        kind: input.kind,
        organization_id: organization.id,
        upgraded_on: input.upgraded_on.unwrap_or(before.upgraded_on),
        version: before.version + 1,
    };
    site::update(write, &after).await?;
    write.audit(
        AuditRecord::new("saveSite")
            .node(after.id)
            .before(account(&before))
            .after(account(&after)),
    );
    write.change(
        Change::new(Topic::Training, Action::Updated, after.id)
            .version(after.version)
            .organizations([before.organization_id, after.organization_id]),
    );
    Ok(after.id)
}

fn account(site: &Site) -> Value {
    json!({
        "name": site.name, "kind": site.kind.as_str(), "organizationId": site.organization_id,
        "upgradedOn": site.upgraded_on, "version": site.version,
    })
}
