//! Lists of rectifications.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::{Rectification, RectificationOrigin, RectificationState, today_of};
use crate::{
    campaign::graphql::Aspect,
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
        scalars::Date,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId},
    rectification::store::{self, RectificationFilter as Filter, RectificationOrder as Order},
    viewer::graphql::Light,
};

/// 整改筛选 · What a list of rectifications is narrowed by.
#[derive(InputObject, Default)]
pub struct RectificationFilter {
    /// 党支部 · Of this branch.
    branch_id: Option<ID>,
    /// 组织 · Of branches below this organization, at any depth.
    organization_id: Option<ID>,
    /// 方面 · Of these aspects.
    aspects: Option<Vec<Aspect>>,
    /// 来源 · Of these origins.
    origins: Option<Vec<RectificationOrigin>>,
    /// 状态 · In these states.
    states: Option<Vec<RectificationState>>,
    /// 灯色 · With these lights today.
    lights: Option<Vec<Light>>,
    /// 期限早于 · Due before this day.
    due_before: Option<Date>,
    /// 复查早于 · Closed, and to be reviewed before this day.
    review_before: Option<Date>,
}

impl RectificationFilter {
    /// None where an id names nothing, so that nothing fits.
    pub(super) fn checked(self) -> Option<Filter> {
        let branch = match self.branch_id {
            Some(id) => Some(BranchId::from_global(&id)?),
            None => None,
        };
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(Filter {
            branch,
            organization,
            aspects: each_once(self.aspects),
            origins: each_once(self.origins),
            states: each_once(self.states),
            lights: each_once(self.lights),
            due_before: self.due_before.map(|day| day.0),
            review_before: self.review_before.map(|day| day.0),
        })
    }
}

/// 整改排序 · In which order rectifications are listed.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[graphql(remote = "Order")]
pub enum RectificationOrder {
    /// 期限由近及远 · what is due first
    #[default]
    DueAsc,
    /// 最新提出在前 · what was raised last
    RaisedDesc,
}

/// Queries on rectifications.
#[derive(Default)]
pub struct RectificationQuery;

#[Object]
impl RectificationQuery {
    /// 问题整改列表 · Rectifications in the caller's scope, what is due first before the rest.
    #[allow(clippy::too_many_arguments, reason = "the contract's")]
    async fn rectifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<RectificationFilter>,
        #[graphql(desc = "排序 · In which order; DUE_ASC when left out.")] order_by: Option<
            RectificationOrder,
        >,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Rectification>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        let order = order_by.unwrap_or_default().into();
        store::check_page(order, &args)?;
        let Some(filter) = filter.unwrap_or_default().checked() else {
            return Ok(Connection::empty());
        };
        let today = today_of(caller);
        let reader = caller.database.reader();
        let page = store::list(reader, &caller.scope, &filter, order, today, &args).await?;
        Ok(Connection::new(
            page.map(Rectification::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    let reader = caller.database.reader();
                    Ok(store::count(reader, &caller.scope, &filter, today).await?)
                })
            }),
        ))
    }
}
