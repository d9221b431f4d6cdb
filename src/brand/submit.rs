//! `submitBrand`: a branch hands its draft to its committee.

use serde_json::json;

use super::{
    model::BrandStep,
    save::changed,
    step::{Stepping, begin},
    store::write::{Standing, set_standing},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::id::BrandId,
    live::change::Action,
    storage::write::{Failure, Write},
};

/// Which draft.
#[derive(Clone, Debug)]
pub struct SubmitBrand {
    /// None where the caller's id names no brand.
    pub id: Option<BrandId>,
    /// The version that was read.
    pub version: i32,
}

/// DRAFT → SUBMITTED; an earlier return's reason has served its turn and goes (the audit trail keeps it).
pub async fn submit(write: &mut Write<'_>, grant: &Grant, input: &SubmitBrand) -> Result<BrandId, Failure> {
    let Stepping { brand, to, version } =
        begin(write, grant, input.id, input.version, BrandStep::Submit).await?;
    let standing = Standing {
        state: to,
        return_reason: None,
        published_at: brand.published_at,
        version,
    };
    set_standing(write, brand.id, standing).await?;
    write.audit(
        AuditRecord::new("submitBrand")
            .node(brand.id)
            .before(json!({
                "state": brand.state.as_str(), "returnReason": brand.return_reason, "version": brand.version,
            }))
            .after(json!({ "state": to.as_str(), "version": version })),
    );
    write.change(changed(Action::Updated, &brand, version, true));
    Ok(brand.id)
}
