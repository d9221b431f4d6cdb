//! Lists of rectifications: all in scope, a branch's, a check's.

use std::{collections::HashMap, hash::Hash};

use chrono::{Days, NaiveDate};
use entity::rectification;
use sea_orm::{
    ConnectionTrait, QueryFilter as _, Select,
    sea_query::{Condition, Expr, ExprTrait as _},
};
use serde_json::json;

use super::{column, is_open, states, visible};
use crate::{
    auth::{Scope, branches_below},
    campaign::Aspect,
    kernel::{
        id::{BranchId, HealthCheckId, OrganizationId},
        light::Light,
        page::{Page, PageArgs, PageError},
    },
    rectification::model::{RectificationOrigin, RectificationState},
    rectification::record::Rectification,
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row,
    },
};

/// What a list of rectifications is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RectificationFilter {
    /// Of this branch.
    pub branch: Option<BranchId>,
    /// Of branches below this organization.
    pub organization: Option<OrganizationId>,
    /// Of these aspects.
    pub aspects: Option<Vec<Aspect>>,
    /// Of these origins.
    pub origins: Option<Vec<RectificationOrigin>>,
    /// In these states.
    pub states: Option<Vec<RectificationState>>,
    /// With these lights.
    pub lights: Option<Vec<Light>>,
    /// Due before this day.
    pub due_before: Option<NaiveDate>,
    /// To be reviewed before this day.
    pub review_before: Option<NaiveDate>,
}

/// The contract's `RectificationOrder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RectificationOrder {
    /// What is due first.
    DueAsc,
    /// What was raised last.
    RaisedDesc,
}

/// The day by which lights are told, and how long before its due day a thing is amber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Today {
    /// The business day.
    pub day: NaiveDate,
    /// `Rules::amber_days`.
    pub amber_days: u32,
}

/// The order, and the key of a row in it.
fn keyset(order: RectificationOrder) -> (Keyset, fn(&Rectification) -> Vec<serde_json::Value>) {
    match order {
        RectificationOrder::DueAsc => (
            Keyset::new(
                "rectification.due",
                [
                    KeyColumn::asc(column(rectification::Column::DueOn), KeyKind::Day),
                    KeyColumn::asc(column(rectification::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.due_on), json!(row.id)],
        ),
        RectificationOrder::RaisedDesc => (
            Keyset::new(
                "rectification.raised",
                [
                    KeyColumn::desc(column(rectification::Column::RaisedOn), KeyKind::Day),
                    KeyColumn::desc(column(rectification::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.raised_on), json!(row.id)],
        ),
    }
}

/// `Rectification::light` as a condition.
fn shines(light: Light, today: Today) -> Condition {
    let due = || column(rectification::Column::DueOn);
    // Where the calendar ends, everything is due soon.
    let soon = today
        .day
        .checked_add_days(Days::new(today.amber_days.into()))
        .unwrap_or(NaiveDate::MAX);
    let open = Condition::all().add(is_open());
    match light {
        Light::Green => open.not(),
        Light::Red => open.add(due().lt(today.day)),
        Light::Amber => open.add(due().gte(today.day)).add(due().lte(soon)),
        Light::Blue => open.add(due().gt(soon)),
    }
}

fn filtered(scope: &Scope, filter: &RectificationFilter, today: Today) -> Select<rectification::Entity> {
    let mut condition = Condition::all();
    if let Some(branch) = filter.branch {
        condition = condition.add(column(rectification::Column::BranchId).eq(branch));
    }
    if let Some(top) = filter.organization {
        condition = condition.add(column(rectification::Column::BranchId).in_subquery(branches_below(top)));
    }
    if let Some(aspects) = &filter.aspects {
        let names = aspects.iter().map(|aspect| aspect.as_str());
        condition = condition.add(column(rectification::Column::Aspect).is_in(names));
    }
    if let Some(origins) = &filter.origins {
        let names = origins.iter().map(|origin| origin.as_str());
        condition = condition.add(column(rectification::Column::Origin).is_in(names));
    }
    if let Some(wanted) = &filter.states {
        condition = condition.add(column(rectification::Column::State).is_in(states(wanted)));
    }
    if let Some(lights) = &filter.lights {
        let any = lights
            .iter()
            .fold(Condition::any(), |any, light| any.add(shines(*light, today)));
        let nothing = || Condition::all().add(Expr::cust("1 = 0"));
        condition = condition.add(if lights.is_empty() { nothing() } else { any });
    }
    if let Some(day) = filter.due_before {
        condition = condition.add(column(rectification::Column::DueOn).lt(day));
    }
    if let Some(day) = filter.review_before {
        condition = condition.add(column(rectification::Column::NextReviewOn).lt(day));
    }
    visible(scope).filter(condition)
}

/// Checks page arguments before they reach a loader.
pub fn check_page(order: RectificationOrder, args: &PageArgs) -> Result<(), PageError> {
    keyset(order).0.check(args).map(drop)
}

/// A page of rectifications.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &RectificationFilter,
    order: RectificationOrder,
    today: Today,
    args: &PageArgs,
) -> Result<Page<Rectification>, ListError> {
    let (order, key) = keyset(order);
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(scope, filter, today), &request, key)
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &RectificationFilter,
    today: Today,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter, today)).await
}

/// A page of the rectifications of each parent, in `select`.
async fn pages_of<P>(
    connection: &impl ConnectionTrait,
    select: Select<rectification::Entity>,
    parent: rectification::Column,
    order: RectificationOrder,
    args: &PageArgs,
) -> Result<HashMap<P, Page<Rectification>>, ListError>
where
    P: sea_orm::TryGetable + Eq + Hash + Copy,
{
    let (order, key) = keyset(order);
    let request = order.check(args)?;
    order
        .pages(connection, select, column(parent), &request, key)
        .await
}

/// A page of the rectifications of each branch.
pub async fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    (filter, order, today): (&RectificationFilter, RectificationOrder, Today),
    args: &PageArgs,
) -> Result<HashMap<BranchId, Page<Rectification>>, ListError> {
    let parent = rectification::Column::BranchId;
    let select = filtered(scope, filter, today).filter(row::among(connection, parent, branches));
    pages_of(connection, select, parent, order, args).await
}

/// How many rectifications each branch has.
pub async fn count_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &RectificationFilter,
    today: Today,
) -> Result<HashMap<BranchId, u64>, StoreError> {
    let parent = rectification::Column::BranchId;
    let select = filtered(scope, filter, today).filter(row::among(connection, parent, branches));
    keyset::counts(connection, select, column(parent)).await
}

/// A page of the rectifications of each check, what is due first before the rest.
pub async fn of_checks(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    checks: &[HealthCheckId],
    args: &PageArgs,
) -> Result<HashMap<HealthCheckId, Page<Rectification>>, ListError> {
    let parent = rectification::Column::HealthCheckId;
    let select = visible(scope).filter(row::among(connection, parent, checks));
    pages_of(connection, select, parent, RectificationOrder::DueAsc, args).await
}

/// How many rectifications each check has.
pub async fn count_of_checks(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    checks: &[HealthCheckId],
) -> Result<HashMap<HealthCheckId, u64>, StoreError> {
    let parent = rectification::Column::HealthCheckId;
    let select = visible(scope).filter(row::among(connection, parent, checks));
    keyset::counts(connection, select, column(parent)).await
}
