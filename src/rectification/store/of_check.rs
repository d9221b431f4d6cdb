//! What belongs to a health check, for the slice of these.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use entity::rectification;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::is_open;
use crate::{
    kernel::id::HealthCheckId,
    rectification::model::{LightCounts, OpenItem, Severity},
    rectification::record::Rectification,
    storage::{StoreError, row},
};

/// What a check found, in the order in which it was raised.
pub async fn of_check(
    connection: &impl ConnectionTrait,
    check: HealthCheckId,
) -> Result<Vec<Rectification>, StoreError> {
    let selection = rectification::Entity::find()
        .filter(rectification::Column::HealthCheckId.eq(check))
        .order_by_asc(rectification::Column::Id);
    row::all(connection, selection).await
}

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

/// How many of each light each check has on a day; those that found nothing are left out.
pub async fn lights_of_checks(
    connection: &impl ConnectionTrait,
    checks: &[HealthCheckId],
    today: NaiveDate,
    amber_days: u32,
) -> Result<HashMap<HealthCheckId, LightCounts>, StoreError> {
    let selection = rectification::Entity::find().filter(row::among(
        connection,
        rectification::Column::HealthCheckId,
        checks,
    ));
    let mut lights: HashMap<HealthCheckId, LightCounts> = HashMap::new();
    for row in row::all::<Rectification>(connection, selection).await? {
        if let Some(check) = row.health_check_id {
            lights.entry(check).or_default().add(row.light(today, amber_days));
        }
    }
    Ok(lights)
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
