//! Writing applications, their steps and gold titles.

use chrono::NaiveDate;
use entity::{campaign, gold_application, gold_step, gold_title};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::Plan;
use crate::{
    gold::model::{Application, Eligibility, GoldState},
    kernel::id::{BranchId, CampaignId, GoldApplicationId},
    storage::{ROW_LOCK, StoreError, row, write::Write},
};

/// The campaign's row, locked until the transaction ends, before those of branches and applications: what counts places
/// waits here for whoever takes one.
pub async fn lock_campaign(write: &Write<'_>, id: CampaignId) -> Result<Option<Plan>, StoreError> {
    row::one(
        write.connection(),
        campaign::Entity::find_by_id(id).lock(ROW_LOCK),
    )
    .await
}

/// The row of a mutation, locked until its transaction ends; whoever calls has locked the branch before it.
pub async fn lock(write: &Write<'_>, id: GoldApplicationId) -> Result<Option<Application>, StoreError> {
    let selection = gold_application::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// A branch's applications of all years that stand in one of these states, locked in the order of their ids.
pub async fn lock_of_branch(
    write: &Write<'_>,
    branch: BranchId,
    states: impl Fn(GoldState) -> bool,
) -> Result<Vec<Application>, StoreError> {
    let names = GoldState::ALL.iter().filter(|state| states(**state));
    let selection = gold_application::Entity::find()
        .filter(gold_application::Column::BranchId.eq(branch))
        .filter(gold_application::Column::State.is_in(names.map(|state| state.as_str())))
        .order_by_asc(gold_application::Column::Id)
        .lock(ROW_LOCK);
    row::all(write.connection(), selection).await
}

/// Whether a branch has applied in a campaign, whatever came of it.
pub async fn has_applied(
    write: &Write<'_>,
    campaign: CampaignId,
    branch: BranchId,
) -> Result<bool, StoreError> {
    let selection = gold_application::Entity::find()
        .filter(gold_application::Column::CampaignId.eq(campaign))
        .filter(gold_application::Column::BranchId.eq(branch));
    Ok(row::one::<Application>(write.connection(), selection)
        .await?
        .is_some())
}

fn as_json(eligibility: &Eligibility) -> Result<String, StoreError> {
    serde_json::to_string(eligibility).map_err(|error| StoreError::Corrupt(format!("eligibility: {error}")))
}

/// A new application as it stands, but for its key.
pub async fn insert(write: &Write<'_>, new: &Application) -> Result<GoldApplicationId, StoreError> {
    let row = gold_application::ActiveModel {
        id: NotSet,
        campaign_id: Set(new.campaign_id),
        branch_id: Set(new.branch_id),
        state: Set(new.state.as_str().to_owned()),
        before_veto: Set(new.before_veto.map(|state| state.as_str().to_owned())),
        statement: Set(new.statement.clone()),
        eligibility: Set(as_json(&new.eligibility)?),
        awarded_on: Set(new.awarded_on),
        version: Set(new.version),
        updated_at: Set(write.clock().business()),
    };
    Ok(gold_application::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Writes what a step changes.
pub async fn save(write: &Write<'_>, application: &Application) -> Result<(), StoreError> {
    let before_veto = application.before_veto.map(GoldState::as_str);
    gold_application::Entity::update_many()
        .col_expr(
            gold_application::Column::State,
            Expr::value(application.state.as_str()),
        )
        .col_expr(gold_application::Column::BeforeVeto, Expr::value(before_veto))
        .col_expr(
            gold_application::Column::Eligibility,
            Expr::value(as_json(&application.eligibility)?),
        )
        .col_expr(
            gold_application::Column::AwardedOn,
            Expr::value(application.awarded_on),
        )
        .col_expr(
            gold_application::Column::Version,
            Expr::value(application.version),
        )
        .col_expr(
            gold_application::Column::UpdatedAt,
            Expr::value(write.clock().business()),
        )
        .filter(gold_application::Column::Id.eq(application.id))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Keeps that a step was taken.
pub async fn add_step(
    write: &Write<'_>,
    id: GoldApplicationId,
    state: GoldState,
    by: &str,
    opinion: Option<&str>,
) -> Result<(), StoreError> {
    gold_step::Entity::insert(gold_step::ActiveModel {
        id: NotSet,
        application_id: Set(id),
        state: Set(state.as_str().to_owned()),
        at: Set(write.clock().business()),
        by: Set(by.to_owned()),
        opinion: Set(opinion.map(str::to_owned)),
    })
    .exec_without_returning(write.connection())
    .await?;
    Ok(())
}

/// A title from a day on; the index allows one that stands a branch.
pub async fn award_title(write: &Write<'_>, branch: BranchId, on: NaiveDate) -> Result<(), StoreError> {
    gold_title::Entity::insert(gold_title::ActiveModel {
        id: NotSet,
        branch_id: Set(branch),
        awarded_on: Set(on),
        revoked_on: Set(None),
    })
    .exec_without_returning(write.connection())
    .await?;
    Ok(())
}

/// Ends the title that stands.
pub async fn revoke_title(write: &Write<'_>, branch: BranchId, on: NaiveDate) -> Result<(), StoreError> {
    gold_title::Entity::update_many()
        .col_expr(gold_title::Column::RevokedOn, Expr::value(on))
        .filter(gold_title::Column::BranchId.eq(branch))
        .filter(Expr::col(gold_title::Column::RevokedOn).is_null())
        .exec(write.connection())
        .await?;
    Ok(())
}
