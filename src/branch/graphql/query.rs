//! One branch; lists of them are the board's.

use async_graphql::{Context, ID, Object, OneofObject};

use super::{super::store, Branch};
use crate::{
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
    },
    kernel::{
        id::{BranchId, NodeId as _},
        text,
    },
};

/// 以标识或代码指定支部 · Names a branch, by exactly one of these.
#[derive(OneofObject)]
pub enum BranchBy {
    /// 全局标识 · By global id; a merged branch's gives itself.
    Id(ID),
    /// 支部代码 · By its own code or by an alias valid today; a merged branch's gives its successor. A full-width or
    /// padded one is normalized.
    Code(String),
}

/// Queries on branches.
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
            let caller = Caller::of(ctx)?;
            match by {
                BranchBy::Id(id) => match BranchId::from_global(&id) {
                    Some(id) => Branch::load(caller, id).await,
                    None => Ok(None),
                },
                BranchBy::Code(code) => match text::code(&code) {
                    Ok(code) => {
                        let today = caller.clock().today();
                        let found =
                            store::resolve_code(caller.database.reader(), &caller.scope, &code, today)
                                .await?;
                        Ok(found.map(Branch::new))
                    }
                    Err(_) => Ok(None),
                },
            }
        })
        .await
    }
}
