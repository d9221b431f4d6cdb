//! One branch, in one statement with what is asked of it.

use std::collections::HashMap;

use async_graphql::{Context, ID, Lookahead, Object, OneofObject, Subscription, dataloader::Loader};
use futures_util::stream::Stream;

use super::{
    super::{
        branches::{BranchWith, With},
        store::branches as store,
    },
    badge::Badge,
    today,
};
use crate::{
    branch::{
        self,
        graphql::{Beside, Branch},
    },
    brand::graphql::Brand,
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        loaders::{Batch, Loaded, by_arguments},
        subscription::once,
    },
    kernel::{
        id::{BranchId, NodeId as _},
        message::Message,
        text,
    },
    organization::graphql::Organization,
};

impl With {
    /// What a selection on a branch asks for.
    pub(super) fn asked(branch: &Lookahead<'_>) -> Self {
        let asks = |field: &str| branch.field(field).exists();
        Self {
            organization: asks("organization"),
            brand: asks("brand"),
            term: asks("term"),
            gold: asks("isGold"),
            badge: asks("badge"),
        }
    }

    /// What either asks for.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            organization: self.organization || other.organization,
            brand: self.brand || other.brand,
            term: self.term || other.term,
            gold: self.gold || other.gold,
            badge: self.badge || other.badge,
        }
    }
}

impl From<BranchWith> for Branch {
    fn from(read: BranchWith) -> Self {
        let beside = Beside {
            organization: read.organization.map(Organization::new),
            brand: read.brand.map(|brand| brand.map(Brand::new)),
            term: read.term,
            gold: read.gold,
            badge: read.badge.map(Badge::from),
        };
        Self::beside(read.branch, beside)
    }
}

/// The branch of an id, with what the field that `ctx` resolves asks of it.
pub async fn branch_by_id(ctx: &Context<'_>, id: BranchId) -> Result<Option<Branch>, ApiError> {
    let with = With::asked(&ctx.look_ahead());
    Caller::of(ctx)?.load(ById { id, with }).await
}

/// The branch that a code names today, with what the field that `ctx` resolves asks of it.
async fn branch_by_code(ctx: &Context<'_>, code: String) -> Result<Option<Branch>, ApiError> {
    let caller = Caller::of(ctx)?;
    let with = With::asked(&ctx.look_ahead());
    // Nearly always it is the branch's own code, and nothing more is to be looked for.
    let key = ByOwnCode {
        code: code.clone(),
        with,
    };
    if let Some(found) = caller.load(key).await? {
        return Ok(Some(found));
    }
    let reader = caller.database.reader();
    match branch::resolve_code(reader, &caller.scope, &code, caller.clock().today()).await? {
        Some(found) => branch_by_id(ctx, found.id).await,
        None => Ok(None),
    }
}

/// A branch, with what is asked of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ById {
    id: BranchId,
    with: With,
}

impl Loader<ById> for Batch {
    type Value = Branch;
    type Error = ApiError;

    async fn load(&self, keys: &[ById]) -> Loaded<ById, Branch> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (with, ids) in by_arguments(keys, |key| (key.with, key.id)) {
            let today = today(&self.database);
            let found = store::by_ids(self.database.reader(), &self.scope, &ids, today, with).await?;
            let keyed = |row: BranchWith| {
                let id = row.branch.id;
                (ById { id, with }, row.into())
            };
            loaded.extend(found.into_iter().map(keyed));
        }
        Ok(loaded)
    }
}

/// A branch by its own code, unless it was merged: then the code leads elsewhere.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ByOwnCode {
    code: String,
    with: With,
}

impl Loader<ByOwnCode> for Batch {
    type Value = Branch;
    type Error = ApiError;

    async fn load(&self, keys: &[ByOwnCode]) -> Loaded<ByOwnCode, Branch> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (with, codes) in by_arguments(keys, |key| (key.with, key.code.clone())) {
            let today = today(&self.database);
            let found = store::by_own_codes(self.database.reader(), &self.scope, &codes, today, with).await?;
            let keyed = |row: BranchWith| {
                let code = row.branch.code.clone();
                (ByOwnCode { code, with }, row.into())
            };
            let found = found.into_iter().filter(|row| row.branch.successor_id.is_none());
            loaded.extend(found.map(keyed));
        }
        Ok(loaded)
    }
}

/// 以标识或代码指定支部 · Names a branch, by exactly one of these.
#[derive(OneofObject)]
pub enum BranchBy {
    /// 全局标识 · By global id; a merged branch's gives itself.
    Id(ID),
    /// 支部代码 · By its own code or by an alias valid today; a merged branch's gives its successor. A full-width or
    /// padded one is normalized.
    Code(String),
}

/// Queries on branches, one at a time.
#[derive(Default)]
pub struct BranchQuery;

/// Subscriptions to one branch.
#[derive(Default)]
pub struct BranchSubscription;

#[Subscription]
impl BranchSubscription {
    /// 党支部订阅 · A branch now, and again after it changes; a burst of changes may be seen as one. NOT_FOUND where there is none
    /// or the caller may not see it.
    async fn branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "标识 · Which one.")] id: ID,
    ) -> Result<impl Stream<Item = Branch> + use<>, ApiError> {
        let found = match BranchId::from_global(&id) {
            Some(id) => branch_by_id(ctx, id).await?,
            None => None,
        };
        let found = found.ok_or_else(|| ApiError::not_found(Message::new("党支部", "branch")))?;
        Ok(once(found))
    }
}

#[Object]
impl BranchQuery {
    /// 党支部 · A branch by id or code; null where there is none or the caller may not see it.
    async fn branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "标识或代码 · Which one.")] by: BranchBy,
    ) -> Option<Result<Branch, ApiError>> {
        nullable(async {
            match by {
                BranchBy::Id(id) => match BranchId::from_global(&id) {
                    Some(id) => branch_by_id(ctx, id).await,
                    None => Ok(None),
                },
                BranchBy::Code(code) => match text::code(&code) {
                    Ok(code) => branch_by_code(ctx, code).await,
                    Err(_) => Ok(None),
                },
            }
        })
        .await
    }
}
