//! What waits for a committee or the district, what has waited longest first.

use std::collections::HashMap;

use entity::{branch, gold_application};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::visible;
use crate::{
    auth::Scope,
    gold::model::GoldState,
    kernel::id::{BranchId, GoldApplicationId},
    storage::{StoreError, row},
};

/// Applications in scope that wait for a recommendation, with the names of their branches, at most `limit`.
pub async fn waiting_for_recommendation(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    waiting(connection, scope, GoldState::Applied, limit).await
}

/// Those that wait for a decision.
pub async fn waiting_for_decision(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    waiting(connection, scope, GoldState::Recommended, limit).await
}

async fn waiting(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    state: GoldState,
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    let found: Vec<(GoldApplicationId, BranchId)> = visible(scope)
        .select_only()
        .column(gold_application::Column::Id)
        .column(gold_application::Column::BranchId)
        .filter(gold_application::Column::State.eq(state.as_str()))
        .order_by_asc(gold_application::Column::UpdatedAt)
        .order_by_asc(gold_application::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    let branches: Vec<BranchId> = found.iter().map(|(_, branch)| *branch).collect();
    let names: Vec<(BranchId, String)> = branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .column(branch::Column::Name)
        .filter(row::among(connection, branch::Column::Id, &branches))
        .into_tuple()
        .all(connection)
        .await?;
    let names: HashMap<BranchId, String> = names.into_iter().collect();
    Ok(found
        .into_iter()
        .filter_map(|(id, branch)| Some((id, names.get(&branch)?.clone())))
        .collect())
}
