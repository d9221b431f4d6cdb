//! Lists of health checks, the newest campaign's first.

use entity::health_check;
use sea_orm::{ConnectionTrait, QueryFilter as _, Select, sea_query::ExprTrait as _};
use serde_json::json;

use super::{column, of_year, visible};
use crate::{
    auth::{Scope, branches_below},
    health_check::{
        model::{CheckOutcome, CheckStage},
        record::HealthCheck,
    },
    kernel::{
        id::OrganizationId,
        page::{Page, PageArgs, PageError},
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
    },
};

/// What a list of checks is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CheckFilter {
    /// Of this year's campaign.
    pub year: Option<i32>,
    /// Of branches below this organization, as the tree stands now.
    pub organization: Option<OrganizationId>,
    /// In these stages.
    pub stages: Option<Vec<CheckStage>>,
    /// With these outcomes.
    pub outcomes: Option<Vec<CheckOutcome>>,
    /// Whether the caller is one of its examiners.
    pub assigned_to_me: Option<bool>,
}

fn filtered(scope: &Scope, filter: &CheckFilter) -> Select<health_check::Entity> {
    let mut select = visible(scope);
    if let Some(year) = filter.year {
        select = select.filter(column(health_check::Column::CampaignId).in_subquery(of_year(year)));
    }
    if let Some(top) = filter.organization {
        select = select.filter(column(health_check::Column::BranchId).in_subquery(branches_below(top)));
    }
    if let Some(stages) = &filter.stages {
        let names = stages.iter().map(|stage| stage.as_str());
        select = select.filter(column(health_check::Column::Stage).is_in(names));
    }
    if let Some(outcomes) = &filter.outcomes {
        let names = outcomes.iter().map(|outcome| outcome.as_str());
        select = select.filter(column(health_check::Column::Outcome).is_in(names));
    }
    match filter.assigned_to_me {
        Some(true) => select.filter(scope.assigned_checks(column(health_check::Column::Id))),
        Some(false) => select.filter(scope.assigned_checks(column(health_check::Column::Id)).not()),
        None => select,
    }
}

/// By campaign, the newest first, then in the order in which they were opened: that of their branches.
fn newest_first() -> Keyset {
    Keyset::new(
        "health_check.newest",
        [
            KeyColumn::desc(column(health_check::Column::CampaignId), KeyKind::Int),
            KeyColumn::asc(column(health_check::Column::Id), KeyKind::Int),
        ],
    )
}

/// Checks page arguments before anything is read.
pub fn check_page(args: &PageArgs) -> Result<(), PageError> {
    newest_first().check(args).map(drop)
}

/// A page of checks.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &CheckFilter,
    args: &PageArgs,
) -> Result<Page<HealthCheck>, ListError> {
    let order = newest_first();
    let request = order.check(args)?;
    let page = order
        .page(
            connection,
            filtered(scope, filter),
            &request,
            |row: &HealthCheck| vec![json!(row.campaign_id), json!(row.id)],
        )
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &CheckFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}
