//! `returnBrand`: a committee gives a submitted brand back to its branch, with the reason.

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
    kernel::{id::BrandId, text},
    live::change::Action,
    storage::write::{Failure, Refusals, Write},
};

/// Which brand, and why.
#[derive(Clone, Debug)]
pub struct ReturnBrand {
    /// None where the caller's id names no brand.
    pub id: Option<BrandId>,
    /// The version that was read.
    pub version: i32,
    /// What is to be done better.
    pub reason: String,
}

/// SUBMITTED → DRAFT; the branch reads the reason until it submits again.
pub async fn return_brand(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &ReturnBrand,
) -> Result<BrandId, Failure> {
    let step = begin(write, grant, input.id, input.version, BrandStep::Return).await;
    // An unreadable reason is told together with what else stands in the way.
    let mut refusals = Refusals::default();
    let reason = text::prose(&input.reason, text::PROSE_LIMIT);
    let reason = refusals.take(reason.map_err(|e| e.refusal(&["reason"])));
    let Stepping { brand, to, version } = match step {
        Ok(step) => step,
        Err(Failure::Refused(standing)) => {
            for refusal in standing {
                refusals.require(false, || refusal);
            }
            return Err(refusals.refuse());
        }
        Err(failure) => return Err(failure),
    };
    refusals.finish()?;

    let standing = Standing {
        state: to,
        return_reason: reason.as_deref(),
        published_at: brand.published_at,
        version,
    };
    set_standing(write, brand.id, standing).await?;
    write.audit(
        AuditRecord::new("returnBrand")
            .node(brand.id)
            .before(json!({ "state": brand.state.as_str(), "version": brand.version }))
            .after(json!({ "state": to.as_str(), "returnReason": reason, "version": version })),
    );
    write.change(changed(Action::Updated, &brand, version, true));
    Ok(brand.id)
}
