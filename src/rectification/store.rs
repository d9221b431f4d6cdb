//! Rows of rectifications and of their steps.

mod list;
pub mod of_branch;
pub mod of_check;
pub mod todo;
mod write;

use std::collections::HashMap;

use entity::{rectification, rectification_step};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select,
    sea_query::{Condition, Expr},
};

pub(super) use list::{
    RectificationFilter, RectificationOrder, Today, check_page, count, count_of_branches, count_of_checks,
    list, of_branches, of_checks,
};
pub(super) use write::{
    has_submitted, insert, insert_step, lock, lock_open_of, open_for_item, save, whose_light_moved,
};

use super::model::{RectificationOrigin, RectificationState, Severity, StepTaken, SupportMeans};
use super::record::Rectification;
use crate::{
    auth::Scope,
    campaign::Aspect,
    kernel::id::RectificationId,
    storage::{
        StoreError,
        row::{self, Cells, FromRow},
    },
};

impl FromRow for Rectification {
    type Entity = rectification::Entity;

    const COLUMNS: &'static [rectification::Column] = &[
        rectification::Column::Id,
        rectification::Column::BranchId,
        rectification::Column::HealthCheckId,
        rectification::Column::Origin,
        rectification::Column::Aspect,
        rectification::Column::ItemCode,
        rectification::Column::Title,
        rectification::Column::Prescription,
        rectification::Column::Support,
        rectification::Column::Severity,
        rectification::Column::State,
        rectification::Column::RaisedOn,
        rectification::Column::DueOn,
        rectification::Column::ClosedOn,
        rectification::Column::NextReviewOn,
        rectification::Column::SubmittedBy,
        rectification::Column::Version,
        rectification::Column::UpdatedAt,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            branch_id: cells.take()?,
            health_check_id: cells.optional()?,
            origin: cells.named("rectification.origin", RectificationOrigin::parse)?,
            aspect: cells.named("rectification.aspect", Aspect::parse)?,
            item_code: cells.optional()?,
            title: cells.take()?,
            prescription: cells.optional()?,
            support: cells.named("rectification.support", parse_support)?,
            severity: cells.named("rectification.severity", Severity::parse)?,
            state: cells.named("rectification.state", RectificationState::parse)?,
            raised_on: cells.take()?,
            due_on: cells.take()?,
            closed_on: cells.optional()?,
            next_review_on: cells.optional()?,
            submitted_by: cells.optional()?,
            version: cells.take()?,
            updated_at: cells.take()?,
        })
    }
}

/// Names with a space between them; no text is no means.
fn parse_support(text: &str) -> Option<Vec<SupportMeans>> {
    text.split_ascii_whitespace().map(SupportMeans::parse).collect()
}

fn support_text(support: &[SupportMeans]) -> String {
    let names: Vec<&str> = support.iter().map(|means| means.as_str()).collect();
    names.join(" ")
}

impl FromRow for StepTaken {
    type Entity = rectification_step::Entity;

    const COLUMNS: &'static [rectification_step::Column] = &[
        rectification_step::Column::RectificationId,
        rectification_step::Column::State,
        rectification_step::Column::At,
        rectification_step::Column::By,
        rectification_step::Column::Note,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            rectification_id: cells.take()?,
            state: cells.named("rectification_step.state", RectificationState::parse)?,
            at: cells.take()?,
            by: cells.take()?,
            note: cells.optional()?,
        })
    }
}

fn column(column: rectification::Column) -> Expr {
    Expr::col((rectification::Entity, column))
}

fn states(states: &[RectificationState]) -> impl Iterator<Item = &'static str> {
    states.iter().map(|state| state.as_str())
}

/// Still to be put right. Constants: what the index of these covers must be known when a statement is planned.
fn is_open() -> Expr {
    let names: Vec<String> = states(&RectificationState::OPEN)
        .map(|name| format!("'{name}'"))
        .collect();
    Expr::cust(format!("\"rectification\".\"state\" IN ({})", names.join(", ")))
}

/// Rectifications of branches in scope (docs/domain.md, 9).
fn visible(scope: &Scope) -> Select<rectification::Entity> {
    rectification::Entity::find().filter(in_scope(scope))
}

fn in_scope(scope: &Scope) -> Condition {
    scope.branch_ids(column(rectification::Column::BranchId))
}

/// Rectifications by id, those the caller may see.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[RectificationId],
) -> Result<HashMap<RectificationId, Rectification>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, rectification::Column::Id, ids));
    row::by_key(connection, selection, |row: &Rectification| row.id).await
}

/// The steps of each rectification, in the order in which they were taken; for those that were read by scope.
pub(super) async fn steps(
    connection: &impl ConnectionTrait,
    ids: &[RectificationId],
) -> Result<HashMap<RectificationId, Vec<StepTaken>>, StoreError> {
    let selection = rectification_step::Entity::find()
        .filter(row::among(
            connection,
            rectification_step::Column::RectificationId,
            ids,
        ))
        .order_by_asc(rectification_step::Column::RectificationId)
        .order_by_asc(rectification_step::Column::Id);
    let mut steps: HashMap<RectificationId, Vec<StepTaken>> = HashMap::new();
    for step in row::all::<StepTaken>(connection, selection).await? {
        steps.entry(step.rectification_id).or_default().push(step);
    }
    Ok(steps)
}

/// Ids of branches that go on, as a subquery.
fn running_branches() -> sea_orm::sea_query::SelectStatement {
    entity::branch::Entity::find()
        .select_only()
        .column(entity::branch::Column::Id)
        .filter(entity::branch::Column::Status.eq("ACTIVE"))
        .into_query()
}
