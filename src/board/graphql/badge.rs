//! The badge of a branch in the API.

use async_graphql::{Context, Enum, Object, dataloader::Loader};

use super::{super::store::badge as store, today};
use crate::{
    board::badge,
    graphql::{
        caller::Caller,
        error::ApiError,
        loaders::{Batch, Loaded},
    },
    kernel::id::BranchId,
    organization::graphql::required,
};

/// 徽标 · At a glance: HEALTHY = last check passed and nothing major open; ATTENTION = something due soon; ACTION = overdue, failed
/// or out of term.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "badge::Badge")]
pub enum Badge {
    /// 良好 · The last check passed, and nothing of the below.
    Healthy,
    /// 关注 · Something is due soon, or something grave is open.
    Attention,
    /// 处置 · The last check failed, or something is overdue.
    Action,
    /// 未体检 · Nothing of these, and no check has come to an outcome.
    Unchecked,
}

/// What this slice adds to a branch.
#[derive(Clone)]
pub struct BranchBadge {
    id: BranchId,
    known: Option<Badge>,
}

impl BranchBadge {
    /// The part of a branch, with what was read beside it.
    pub fn new(id: BranchId, known: Option<Badge>) -> Self {
        Self { id, known }
    }
}

#[Object]
impl BranchBadge {
    /// 徽标 · How it stands at a glance.
    async fn badge(&self, ctx: &Context<'_>) -> Result<Badge, ApiError> {
        match self.known {
            Some(badge) => Ok(badge),
            None => required(Caller::of(ctx)?.load(BadgeOf(self.id)).await?),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct BadgeOf(BranchId);

impl Loader<BadgeOf> for Batch {
    type Value = Badge;
    type Error = ApiError;

    async fn load(&self, keys: &[BadgeOf]) -> Loaded<BadgeOf, Badge> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let today = today(&self.database);
        let badges = store::badges(self.database.reader(), &self.scope, &ids, today).await?;
        Ok(badges
            .into_iter()
            .map(|(id, badge)| (BadgeOf(id), badge.into()))
            .collect())
    }
}
