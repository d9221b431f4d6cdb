//! `publishBrand`: a committee publishes a submitted brand; the branch's earlier one is archived with it.

use serde_json::json;

use super::{
    model::{BrandState, BrandStep},
    save::changed,
    step::{Stepping, begin},
    store::{
        self,
        write::{Standing, set_standing},
    },
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BrandId, refusal::Refusal},
    live::change::Action,
    storage::write::{Failure, Write},
};

/// Which brand.
#[derive(Clone, Debug)]
pub struct PublishBrand {
    /// None where the caller's id names no brand.
    pub id: Option<BrandId>,
    /// The version that was read.
    pub version: i32,
}

/// SUBMITTED → PUBLISHED, and the branch's earlier brand PUBLISHED → ARCHIVED (一支部一品牌).
pub async fn publish(write: &mut Write<'_>, grant: &Grant, input: &PublishBrand) -> Result<BrandId, Failure> {
    let Stepping { brand, to, version } =
        begin(write, grant, input.id, input.version, BrandStep::Publish).await?;

    // The earlier one first: the index allows one published brand a branch at any moment.
    let earlier = store::published_of(write.connection(), grant.scope(), &[brand.branch_id])
        .await?
        .remove(&brand.branch_id);
    let archived = match &earlier {
        None => None,
        Some(earlier) => {
            let state = earlier.state.after(BrandStep::Archive).map_err(Refusal::from)?;
            let version = earlier.version + 1;
            let standing = Standing {
                state,
                return_reason: None,
                published_at: earlier.published_at,
                version,
            };
            set_standing(write, earlier.id, standing).await?;
            // Whoever saw it published hears that it is gone.
            write.change(changed(Action::Updated, earlier, version, false));
            Some(json!({ "id": earlier.id, "state": state.as_str(), "version": version }))
        }
    };

    let standing = Standing {
        state: to,
        return_reason: None,
        published_at: Some(write.clock().business()),
        version,
    };
    set_standing(write, brand.id, standing).await?;
    let earlier = earlier.map(|earlier| {
        json!({ "id": earlier.id, "state": BrandState::Published.as_str(), "version": earlier.version })
    });
    write.audit(
        AuditRecord::new("publishBrand")
            .node(brand.id)
            .before(json!({ "state": brand.state.as_str(), "version": brand.version, "published": earlier }))
            .after(json!({ "state": to.as_str(), "version": version, "archived": archived })),
    );
    write.change(changed(Action::Updated, &brand, version, false));
    Ok(brand.id)
}
