//! 'This year', where a year or a period is left out (docs/domain.md, 1).

use entity::campaign;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::StoreError;
use crate::kernel::clock::Clock;

/// The year of the latest campaign whose window has begun, else the calendar's.
pub async fn this_year(connection: &impl ConnectionTrait, clock: &Clock) -> Result<i32, StoreError> {
    let latest: Option<i32> = campaign::Entity::find()
        .select_only()
        .column(campaign::Column::Year)
        .filter(campaign::Column::WindowFrom.lte(clock.today()))
        .order_by_desc(campaign::Column::Year)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(latest.unwrap_or_else(|| clock.year()))
}
