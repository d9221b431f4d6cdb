//! What waits for a branch, and for examiners.

use chrono::NaiveDate;
use entity::{branch, campaign, check_result, health_check, rectification};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, JoinType, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
    sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement},
};

use super::{column, visible};
use crate::{
    auth::Scope,
    branch::BranchStatus,
    health_check::model::{CheckStage, ItemVerdict},
    kernel::id::{BranchId, HealthCheckId},
    rectification::RectificationState,
    storage::StoreError,
};

/// The checks of a branch that it has still to answer and to submit, with the last day of the campaign, at most `limit`.
pub async fn waiting_for_answers(
    connection: &impl ConnectionTrait,
    own: BranchId,
    limit: u64,
) -> Result<Vec<(HealthCheckId, String, NaiveDate)>, StoreError> {
    let of_branch = health_check::Entity::find().filter(health_check::Column::BranchId.eq(own));
    let stages = [CheckStage::NotStarted, CheckStage::SelfCheck];
    waiting(connection, of_branch, &stages, limit).await
}

/// The checks that the caller was assigned to and has something to do with: whose consultation is not concluded, or that are in their
/// recheck with an item not met whose problem is closed; with the last day of the campaign, at most `limit`.
pub async fn waiting_for_examiners(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    limit: u64,
) -> Result<Vec<(HealthCheckId, String, NaiveDate)>, StoreError> {
    let mine = visible(scope).filter(scope.assigned_checks(column(health_check::Column::Id)));
    let stage = || column(health_check::Column::Stage);
    let to_look_at = Condition::any()
        .add(stage().eq(CheckStage::Consultation.as_str()))
        .add(Expr::exists(put_right()));
    let stages = [CheckStage::Consultation, CheckStage::Recheck];
    waiting(connection, mine.filter(to_look_at), &stages, limit).await
}

/// Items of the check that are not met and whose problem is closed.
fn put_right() -> SelectStatement {
    let result = |column| Expr::col((check_result::Entity, column));
    let problem = |column| Expr::col((rectification::Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from(check_result::Entity)
        .inner_join(
            rectification::Entity,
            problem(rectification::Column::HealthCheckId)
                .eq(result(check_result::Column::HealthCheckId))
                .and(problem(rectification::Column::ItemCode).eq(result(check_result::Column::ItemCode))),
        )
        .and_where(result(check_result::Column::HealthCheckId).eq(column(health_check::Column::Id)))
        .and_where(result(check_result::Column::Verdict).eq(ItemVerdict::NotMet.as_str()))
        .and_where(problem(rectification::Column::State).eq(RectificationState::Closed.as_str()))
        .take()
}

async fn waiting(
    connection: &impl ConnectionTrait,
    select: Select<health_check::Entity>,
    stages: &[CheckStage],
    limit: u64,
) -> Result<Vec<(HealthCheckId, String, NaiveDate)>, StoreError> {
    let campaigns = health_check::Entity::belongs_to(campaign::Entity)
        .from(health_check::Column::CampaignId)
        .to(campaign::Column::Id)
        .into();
    let branches = health_check::Entity::belongs_to(branch::Entity)
        .from(health_check::Column::BranchId)
        .to(branch::Column::Id)
        .into();
    let rows = select
        .join(JoinType::InnerJoin, campaigns)
        .join(JoinType::InnerJoin, branches)
        .select_only()
        .column(health_check::Column::Id)
        .column(branch::Column::Name)
        .column(campaign::Column::WindowTo)
        .filter(health_check::Column::Stage.is_in(stages.iter().map(|stage| stage.as_str())))
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()))
        .order_by_asc(campaign::Column::WindowTo)
        .order_by_asc(health_check::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows)
}
