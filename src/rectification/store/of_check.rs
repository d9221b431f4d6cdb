//! What belongs to a health check, for the slice of these.

use std::collections::HashSet;

use entity::rectification;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::is_open;
use crate::{
    kernel::id::HealthCheckId,
    rectification::model::{OpenItem, Severity},
    storage::{StoreError, row},
};

/// What of a check is still to be put right: the items, and how grave each is.
pub async fn open_items(
    connection: &impl ConnectionTrait,
    check: HealthCheckId,
) -> Result<Vec<OpenItem>, StoreError> {
    let rows: Vec<(Option<String>, String)> = rectification::Entity::find()
        .select_only()
        .columns([rectification::Column::ItemCode, rectification::Column::Severity])
        .filter(rectification::Column::HealthCheckId.eq(check))
        .filter(is_open())
        .order_by_asc(rectification::Column::Id)
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(item_code, severity)| {
            let severity = Severity::parse(&severity)
                .ok_or_else(|| StoreError::corrupt("rectification.severity", &severity))?;
            Ok(OpenItem { item_code, severity })
        })
        .collect()
}

/// Those of the checks of which something grave is still to be put right.
pub async fn with_open_majors(
    connection: &impl ConnectionTrait,
    checks: &[HealthCheckId],
) -> Result<HashSet<HealthCheckId>, StoreError> {
    let ids: Vec<Option<HealthCheckId>> = rectification::Entity::find()
        .select_only()
        .column(rectification::Column::HealthCheckId)
        .filter(row::among(
            connection,
            rectification::Column::HealthCheckId,
            checks,
        ))
        .filter(rectification::Column::Severity.eq(Severity::Major.as_str()))
        .filter(is_open())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().flatten().collect())
}
