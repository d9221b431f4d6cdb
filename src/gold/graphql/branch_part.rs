//! What this slice adds to `Branch`: how it stands against the criteria, and its application.

use async_graphql::{Context, Object};

use super::{
    GoldApplication, GoldEligibility,
    batches::{ApplicationOf, EligibilityOf},
};
use crate::{
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
    },
    kernel::id::BranchId,
};

/// A branch in the gold selection.
#[derive(Clone)]
pub struct BranchGold {
    id: BranchId,
}

impl BranchGold {
    /// The part of a branch.
    pub fn new(id: BranchId) -> Self {
        Self { id }
    }
}

#[Object]
impl BranchGold {
    /// 评比条件 · 三正一负 of a year's campaign, as the branch stands now. Null for callers out of the branch's scope, for temporary
    /// branches, and for years that choose no gold branches.
    async fn gold_eligibility(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度 · Of which year's campaign.")] year: i32,
    ) -> Option<Result<GoldEligibility, ApiError>> {
        let branch = self.id;
        // Boxed: see `list_of`.
        nullable(Box::pin(async move {
            let found = Caller::of(ctx)?.load(EligibilityOf { branch, year }).await?;
            Ok(found.map(GoldEligibility::new))
        }))
        .await
    }

    /// 金牌申报 · Its application in a year's campaign; null for callers out of the branch's scope.
    async fn gold_application(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度 · Of which year's campaign.")] year: i32,
    ) -> Option<Result<GoldApplication, ApiError>> {
        let branch = self.id;
        nullable(Box::pin(async move {
            let found = Caller::of(ctx)?.load(ApplicationOf { branch, year }).await?;
            Ok(found.map(GoldApplication::new))
        }))
        .await
    }
}
