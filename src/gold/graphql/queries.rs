//! Lists of applications and of vetoes.

use async_graphql::{Context, ID, InputObject, Object};

use super::{GoldApplication, GoldState, Veto};
use crate::{
    branch::graphql::Domain,
    gold::store::{self, VetoFilter},
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId},
};

/// 金牌申报筛选 · What a list of applications is narrowed by.
#[derive(InputObject, Default)]
pub struct GoldFilter {
    /// 年度 · Of this year's campaign.
    year: Option<i32>,
    /// 组织 · Of branches below this organization, at any depth.
    organization_id: Option<ID>,
    /// 状态 · In these states; all when left out.
    states: Option<Vec<GoldState>>,
    /// 领域 · Of branches of these fields.
    domains: Option<Vec<Domain>>,
}

impl GoldFilter {
    /// None where an id names nothing, so that nothing fits.
    fn resolve(self) -> Option<store::GoldFilter> {
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(store::GoldFilter {
            year: self.year,
            organization,
            states: each_once(self.states),
            domains: each_once(self.domains),
        })
    }
}

/// Queries on the gold selection.
#[derive(Default)]
pub struct GoldQuery;

#[Object]
impl GoldQuery {
    /// 金牌申报列表 · Applications for gold in the caller's scope, the newest first.
    async fn gold_applications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<GoldFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<GoldApplication>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(GoldApplication::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }

    /// 一票否决列表 · Vetoes, those of the latest facts first (district administrators only; empty for others).
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn vetoes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "党支部 · About this branch.")] branch_id: Option<ID>,
        #[graphql(desc = "未解除 · Open ones (true) or lifted ones (false).")] open: Option<bool>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Veto>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_veto_page(&args)?;
        let branch = match branch_id {
            Some(id) => match BranchId::from_global(&id) {
                Some(id) => Some(id),
                None => return Ok(Connection::empty()),
            },
            None => None,
        };
        let filter = VetoFilter { branch, open };
        let page = store::vetoes(caller.database.reader(), &caller.requester, &filter, &args).await?;
        Ok(Connection::new(
            page.map(Veto::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    let reader = caller.database.reader();
                    Ok(store::count_vetoes(reader, &caller.requester, &filter).await?)
                })
            }),
        ))
    }
}
