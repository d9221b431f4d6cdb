//! `createOrganization`, and `zhibu init` for the root of an empty service.

use serde_json::json;

use super::{
    model::{OrganizationError, OrganizationKind},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::OrganizationId, message::Message, refusal::Refusal, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// What is to be made.
#[derive(Clone, Debug)]
pub struct CreateOrganization {
    /// As the caller wrote it: normalized here.
    pub code: String,
    /// As the caller wrote it: normalized here.
    pub name: String,
    /// Its level.
    pub kind: OrganizationKind,
    /// None for the district; `Err` holds that the caller's id names nothing.
    pub parent: Option<Option<OrganizationId>>,
}

/// Makes an organization below its parent; the district first, once.
pub async fn create(
    write: &mut Write<'_>,
    _grant: &Grant,
    input: &CreateOrganization,
) -> Result<OrganizationId, Failure> {
    let mut refusals = Refusals::default();
    let code = refusals.take(text::code(&input.code).map_err(|e| e.refusal(&["code"])));
    let name = refusals.take(text::name(&input.name).map_err(|e| e.refusal(&["name"])));
    let (code, name) = refusals.finish_with(code.zip(name))?;

    // Two calls at once would both find the code free, or the tree empty.
    write.lock("organization", "tree").await?;
    let parent = check_parent(write, input).await?;
    let grant = Grant::of_the_service();
    if store::by_code(write.connection(), grant.scope(), &code)
        .await?
        .is_some()
    {
        return Err(Refusal::from(OrganizationError::CodeTaken(code)).into());
    }

    let id = store::insert(write, &code, &name, input.kind, parent).await?;
    write.audit(AuditRecord::new("createOrganization").node(id).after(json!({
        "code": code, "name": name, "kind": input.kind.as_str(), "parentId": parent,
    })));
    write.change(
        Change::new(Topic::Organization, Action::Created, id)
            .version(1)
            .organizations([id])
            .organizations(parent),
    );
    Ok(id)
}

async fn check_parent(
    write: &Write<'_>,
    input: &CreateOrganization,
) -> Result<Option<OrganizationId>, Failure> {
    let wrong = || Failure::from(Refusal::from(OrganizationError::WrongParent(input.kind)));
    match (input.kind.parent(), input.parent) {
        (None, None) => match store::root(write.connection()).await? {
            None => Ok(None),
            Some(_) => Err(Refusal::from(OrganizationError::SecondDistrict).into()),
        },
        (Some(kind), Some(Some(id))) => match store::lock(write, id).await? {
            Some(parent) if parent.kind == kind => Ok(Some(id)),
            Some(_) => Err(wrong()),
            None => Err(not_found(&["parentId"]).into()),
        },
        (_, Some(None)) => Err(not_found(&["parentId"]).into()),
        (None, Some(_)) | (Some(_), None) => Err(wrong()),
    }
}

/// NOT_FOUND of an organization that the input names.
pub fn not_found(path: &[&str]) -> Refusal {
    Refusal::not_found(path, Message::new("该组织", "organization"))
}
