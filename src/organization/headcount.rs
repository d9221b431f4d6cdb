//! `reportHeadcount`: aggregate counts, never names (PIPL art. 28: we hold counts, not people).

use chrono::NaiveDate;
use serde_json::json;

use super::{
    create::not_found,
    model::{HeadcountKind, OrganizationError},
    store,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{
        id::{HeadcountId, OrganizationId},
        message::Message,
        refusal::Refusal,
    },
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Write},
};

/// What is reported.
#[derive(Clone, Debug)]
pub struct ReportHeadcount {
    /// None where the caller's id names no organization.
    pub organization: Option<OrganizationId>,
    /// Who is counted.
    pub kind: HeadcountKind,
    /// How many, in persons.
    pub count: i32,
    /// The day they were counted.
    pub as_of: NaiveDate,
}

/// Keeps a count; one reported again for the same organization, kind and day takes the earlier one's place.
pub async fn report(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ReportHeadcount,
) -> Result<HeadcountId, Failure> {
    let organization = input.organization.ok_or_else(|| not_found(&["organizationId"]))?;
    store::lock(write, organization)
        .await?
        .ok_or_else(|| not_found(&["organizationId"]))?;
    grant
        .require_organization(write.connection(), organization)
        .await?;
    if input.count < 0 {
        return Err(Refusal::invalid(
            &["count"],
            Message::new("人数不能为负", "A count cannot be negative"),
        )
        .into());
    }
    let today = write.clock().today();
    if input.as_of > today {
        return Err(Refusal::from(OrganizationError::InTheFuture("asOf", today)).into());
    }

    let (id, earlier) =
        store::put_headcount(write, organization, input.kind, input.count, input.as_of).await?;
    let record = AuditRecord::new("reportHeadcount").node(id).after(json!({
        "organizationId": organization, "kind": input.kind.as_str(), "count": input.count, "asOf": input.as_of,
    }));
    write.audit(match earlier {
        Some(count) => record.before(json!({ "count": count })),
        None => record,
    });
    let action = if earlier.is_some() {
        Action::Updated
    } else {
        Action::Created
    };
    write.change(Change::new(Topic::Organization, action, id).organizations([organization]));
    Ok(id)
}
