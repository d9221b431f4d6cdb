//! Lists of health checks.

use async_graphql::{Context, ID, InputObject, Object};

use super::{CheckOutcome, CheckStage, HealthCheck};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
    },
    health_check::store::{self, CheckFilter},
    kernel::id::{NodeId as _, OrganizationId},
};

/// 体检筛选 · What a list of health checks is narrowed by.
#[derive(InputObject, Default)]
pub struct HealthCheckFilter {
    /// 年度 · Of this year's campaign.
    year: Option<i32>,
    /// 组织 · Of branches below this organization, at any depth.
    organization_id: Option<ID>,
    /// 阶段 · In these stages; all when left out.
    stages: Option<Vec<CheckStage>>,
    /// 结果 · With these outcomes; all when left out.
    outcomes: Option<Vec<CheckOutcome>>,
    /// 由我体检 · Whether the caller is one of its examiners.
    assigned_to_me: Option<bool>,
}

impl HealthCheckFilter {
    /// None where an id names nothing, so that nothing fits.
    fn resolve(self) -> Option<CheckFilter> {
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(CheckFilter {
            year: self.year,
            organization,
            stages: each_once(self.stages),
            outcomes: each_once(self.outcomes),
            assigned_to_me: self.assigned_to_me,
        })
    }
}

/// Queries on health checks.
#[derive(Default)]
pub struct HealthCheckQuery;

#[Object]
impl HealthCheckQuery {
    /// 红色体检列表 · Health checks in the caller's scope, those of the campaign that was opened last first; an examiner's are those it was assigned to.
    async fn health_checks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<HealthCheckFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<HealthCheck>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(HealthCheck::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }
}
