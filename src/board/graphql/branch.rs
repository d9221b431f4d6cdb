//! One branch, in one statement with what is asked of it.

use async_graphql::{Context, ID, Lookahead, Object, OneofObject};

use super::super::{
    branches::{BranchWith, With},
    store::branches as store,
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
    },
    kernel::{
        id::{BranchId, NodeId as _},
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
        }
    }

    /// What either asks for.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            organization: self.organization || other.organization,
            brand: self.brand || other.brand,
            term: self.term || other.term,
            gold: self.gold || other.gold,
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
        };
        Self::beside(read.branch, beside)
    }
}

/// The branch of an id, with what the field that `ctx` resolves asks of it.
pub async fn branch_by_id(ctx: &Context<'_>, id: BranchId) -> Result<Option<Branch>, ApiError> {
    let caller = Caller::of(ctx)?;
    let with = With::asked(&ctx.look_ahead());
    let found = store::by_id(caller.database.reader(), &caller.scope, id, with).await?;
    Ok(found.map(Branch::from))
}

/// The branch that a code names today, with what the field that `ctx` resolves asks of it.
async fn branch_by_code(ctx: &Context<'_>, code: &str) -> Result<Option<Branch>, ApiError> {
    let caller = Caller::of(ctx)?;
    let (reader, scope) = (caller.database.reader(), &caller.scope);
    let with = With::asked(&ctx.look_ahead());
    // Nearly always it is the branch's own code, and nothing more is to be looked for.
    if let Some(found) = store::by_own_code(reader, scope, code, with).await?
        && found.branch.successor_id.is_none()
    {
        return Ok(Some(found.into()));
    }
    match branch::resolve_code(reader, scope, code, caller.clock().today()).await? {
        Some(found) => branch_by_id(ctx, found.id).await,
        None => Ok(None),
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
                    Ok(code) => branch_by_code(ctx, &code).await,
                    Err(_) => Ok(None),
                },
            }
        })
        .await
    }
}
