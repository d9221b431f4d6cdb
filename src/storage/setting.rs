//! Facts about a database that are not configuration.

use entity::setting;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, QuerySelect as _, sea_query::OnConflict};

use super::{ROW_LOCK, StoreError, write::Write};

/// Where a demonstration's business date stands still, `YYYY-MM-DD`.
pub const BUSINESS_DATE: &str = "business_date";
/// The first day that the published figures count from.
pub const FIGURES_FROM: &str = "figures_from";
/// How many of a demonstration's entries of points have been booked.
pub const DEMO_BOOKED: &str = "demo_booked";
/// The business day up to which the daily job has moved states.
pub const DAILY_DONE_ON: &str = "daily_done_on";
/// Whether what ranks are read from has been made.
pub const SCORES_COUNTED: &str = "scores_counted";
/// Up to where the change log has been pruned: incarnation, transaction id and sequence.
pub const CHANGE_LOG_PRUNED: &str = "change_log_pruned";

/// A setting's value.
pub async fn get(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>, StoreError> {
    let row = setting::Entity::find_by_id(name.to_owned())
        .one(connection)
        .await?;
    Ok(row.map(|row| row.value))
}

/// A setting's value, its row locked until the transaction ends.
pub async fn lock(write: &Write<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let row = setting::Entity::find_by_id(name.to_owned())
        .lock(ROW_LOCK)
        .one(write.connection())
        .await?;
    Ok(row.map(|row| row.value))
}

/// Sets a value.
pub async fn set(write: &Write<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    setting::Entity::insert(setting::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value.to_owned()),
    })
    .on_conflict(
        OnConflict::column(setting::Column::Name)
            .update_column(setting::Column::Value)
            .to_owned(),
    )
    .exec_without_returning(write.connection())
    .await?;
    Ok(())
}
