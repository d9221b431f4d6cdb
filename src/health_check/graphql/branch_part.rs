//! What this slice adds to `Branch`.

use async_graphql::{Context, Object};

use super::{HealthCheck, batches::CheckOf};
use crate::{
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
    },
    kernel::id::BranchId,
};

/// The health checks of a branch.
#[derive(Clone)]
pub struct BranchHealthCheck {
    id: BranchId,
}

impl BranchHealthCheck {
    /// The part of a branch.
    pub fn new(id: BranchId) -> Self {
        Self { id }
    }
}

#[Object]
impl BranchHealthCheck {
    /// 红色体检 · Its health check of a year, or the latest. Null for callers out of the branch's scope, and where there is none.
    async fn health_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度 · Of which year's campaign; the latest when left out.")] year: Option<i32>,
    ) -> Option<Result<HealthCheck, ApiError>> {
        let branch = self.id;
        // Boxed: see `list_of`.
        nullable(Box::pin(async move {
            let found = Caller::of(ctx)?.load(CheckOf { branch, year }).await?;
            Ok(found.map(HealthCheck::new))
        }))
        .await
    }
}
