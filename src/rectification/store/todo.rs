//! What waits for somebody, what is due first before the rest.

use chrono::NaiveDate;
use entity::{rectification, rectification_step};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select, sea_query::SelectStatement,
};

use super::{running_branches, states, visible};
use crate::{
    auth::Scope,
    kernel::id::BranchId,
    rectification::model::RectificationState,
    rectification::record::Rectification,
    storage::{StoreError, row},
};

/// What a branch has to put right and to submit, at most `limit`.
pub async fn waiting_for_submission(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    limit: u64,
) -> Result<Vec<Rectification>, StoreError> {
    let waiting = [RectificationState::Open, RectificationState::Assigned];
    let selection = rectification::Entity::find()
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(rectification::Column::State.is_in(states(&waiting)));
    read(connection, selection, rectification::Column::DueOn, limit).await
}

/// What somebody has ever submitted: never theirs to close.
fn submitted_by(subject: &str) -> SelectStatement {
    rectification_step::Entity::find()
        .select_only()
        .column(rectification_step::Column::RectificationId)
        .filter(rectification_step::Column::State.eq(RectificationState::Submitted.as_str()))
        .filter(rectification_step::Column::By.eq(subject))
        .into_query()
}

/// What was submitted in scope and waits to be closed or returned by somebody else, at most `limit`.
pub async fn waiting_for_closing(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    subject: &str,
    limit: u64,
) -> Result<Vec<Rectification>, StoreError> {
    let selection = visible(scope)
        .filter(rectification::Column::State.eq(RectificationState::Submitted.as_str()))
        .filter(rectification::Column::Id.not_in_subquery(submitted_by(subject)));
    read(connection, selection, rectification::Column::DueOn, limit).await
}

/// What was closed in scope and is to be looked at again by today, at most `limit`; nothing of branches that have ended.
pub async fn waiting_for_review(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    today: NaiveDate,
    limit: u64,
) -> Result<Vec<Rectification>, StoreError> {
    let selection = visible(scope)
        .filter(rectification::Column::State.eq(RectificationState::Closed.as_str()))
        .filter(rectification::Column::NextReviewOn.lte(today))
        .filter(rectification::Column::BranchId.in_subquery(running_branches()));
    read(connection, selection, rectification::Column::NextReviewOn, limit).await
}

async fn read(
    connection: &impl ConnectionTrait,
    select: Select<rectification::Entity>,
    by: rectification::Column,
    limit: u64,
) -> Result<Vec<Rectification>, StoreError> {
    let selection = select
        .order_by_asc(by)
        .order_by_asc(rectification::Column::Id)
        .limit(limit);
    row::all(connection, selection).await
}
