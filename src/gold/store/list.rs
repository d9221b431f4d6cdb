//! Lists of applications, the newest first.

use entity::{branch, gold_application};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
    Select, sea_query::Expr,
};
use serde_json::json;

use super::{of_year, visible};
use crate::{
    auth::{Scope, subtree},
    branch::Domain,
    gold::model::{Application, GoldState},
    kernel::{
        id::OrganizationId,
        page::{Page, PageArgs, PageError},
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
    },
};

/// What a list of applications is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GoldFilter {
    /// Of this year's campaign.
    pub year: Option<i32>,
    /// Of branches below this organization, as the tree stands now.
    pub organization: Option<OrganizationId>,
    /// In these states.
    pub states: Option<Vec<GoldState>>,
    /// Of branches of these domains.
    pub domains: Option<Vec<Domain>>,
}

fn filtered(scope: &Scope, filter: &GoldFilter) -> Select<gold_application::Entity> {
    let mut select = visible(scope);
    if let Some(year) = filter.year {
        select = select.filter(gold_application::Column::CampaignId.in_subquery(of_year(year).into_query()));
    }
    if let Some(states) = &filter.states {
        select =
            select.filter(gold_application::Column::State.is_in(states.iter().map(|state| state.as_str())));
    }
    if filter.organization.is_some() || filter.domains.is_some() {
        let mut branches = branch::Entity::find().select_only().column(branch::Column::Id);
        if let Some(top) = filter.organization {
            branches = branches.filter(branch::Column::OrganizationId.in_subquery(subtree(top)));
        }
        if let Some(domains) = &filter.domains {
            branches =
                branches.filter(branch::Column::Domain.is_in(domains.iter().map(|domain| domain.as_str())));
        }
        select = select.filter(gold_application::Column::BranchId.in_subquery(branches.into_query()));
    }
    select
}

fn newest_first() -> Keyset {
    Keyset::new(
        "gold.newest",
        [KeyColumn::desc(
            Expr::col((gold_application::Entity, gold_application::Column::Id)),
            KeyKind::Int,
        )],
    )
}

/// Checks page arguments of applications before anything is read.
pub fn check_page(args: &PageArgs) -> Result<(), PageError> {
    newest_first().check(args).map(drop)
}

/// A page of applications, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &GoldFilter,
    args: &PageArgs,
) -> Result<Page<Application>, ListError> {
    let order = newest_first();
    let request = order.check(args)?;
    let page = order
        .page(
            connection,
            filtered(scope, filter),
            &request,
            |row: &Application| vec![json!(row.id)],
        )
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &GoldFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}
