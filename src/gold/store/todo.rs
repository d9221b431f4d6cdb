//! What waits for a committee or the district, what has waited longest first.

use std::collections::HashMap;

use entity::{branch, gold_application, gold_step};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, sea_query::SelectStatement,
};

use super::visible;
use crate::{
    auth::Scope,
    gold::model::GoldState,
    kernel::id::{BranchId, GoldApplicationId},
    storage::{StoreError, row},
};

/// Applications in scope that wait for a recommendation by somebody who may give it, with the names of their branches, at most
/// `limit`.
pub async fn waiting_for_recommendation(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    subject: &str,
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    waiting(connection, scope, (GoldState::Applied, subject), limit).await
}

/// Those that wait for a decision.
pub async fn waiting_for_decision(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    subject: &str,
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    waiting(connection, scope, (GoldState::Recommended, subject), limit).await
}

/// Applications about which somebody has decided already, as `who_decided` tells it: three persons decide. The first step into a
/// state was the decision; one that a lifted veto leads back to is not.
fn decided_by(subject: &str) -> SelectStatement {
    let decisions = [GoldState::Applied, GoldState::Recommended].map(GoldState::as_str);
    let first = gold_step::Entity::find()
        .select_only()
        .column_as(gold_step::Column::Id.min(), "first")
        .filter(gold_step::Column::State.is_in(decisions))
        .group_by(gold_step::Column::ApplicationId)
        .group_by(gold_step::Column::State);
    gold_step::Entity::find()
        .select_only()
        .column(gold_step::Column::ApplicationId)
        .filter(gold_step::Column::By.eq(subject))
        .filter(gold_step::Column::Id.in_subquery(first.into_query()))
        .into_query()
}

async fn waiting(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    (state, subject): (GoldState, &str),
    limit: u64,
) -> Result<Vec<(GoldApplicationId, String)>, StoreError> {
    let found: Vec<(GoldApplicationId, BranchId)> = visible(scope)
        .select_only()
        .column(gold_application::Column::Id)
        .column(gold_application::Column::BranchId)
        .filter(gold_application::Column::State.eq(state.as_str()))
        .filter(gold_application::Column::Id.not_in_subquery(decided_by(subject)))
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
