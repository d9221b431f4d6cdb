//! Figures of branches, for whoever may see branches at all, and for health checks.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use entity::rectification;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Condition,
};

use super::{column, is_open};
use crate::{
    auth::Scope,
    kernel::id::{BranchId, HealthCheckId},
    rectification::model::RectificationState,
    rectification::record::Rectification,
    storage::{StoreError, keyset, row},
};

/// How much each branch has still to put right; those with nothing are left out. Everybody but ADAPTER sees it
/// (docs/domain.md, 9).
pub async fn open_counts(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
) -> Result<HashMap<BranchId, u64>, StoreError> {
    let open = rectification::Entity::find()
        .filter(scope.public())
        .filter(is_open())
        .filter(row::among(connection, rectification::Column::BranchId, branches));
    keyset::counts(connection, open, column(rectification::Column::BranchId)).await
}

/// How a branch put right what was due in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InTime {
    /// Closed on the day it was due, or before.
    pub closed: u32,
    /// Due so far; what is still open today and due today is not late yet, and what was waived is not asked for.
    pub due: u32,
    /// Still to be put right and past due, whenever it was due.
    pub red: u32,
}

/// What of a branch was due from one day to another, both included, and how it was put right, on a day.
pub async fn closed_in_time(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    (from, to): (NaiveDate, NaiveDate),
    today: NaiveDate,
) -> Result<InTime, StoreError> {
    let selection = rectification::Entity::find()
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(
            Condition::any()
                .add(rectification::Column::DueOn.between(from, to))
                .add(
                    Condition::all()
                        .add(is_open())
                        .add(rectification::Column::DueOn.lt(today)),
                ),
        );
    let mut in_time = InTime::default();
    for row in row::all::<Rectification>(connection, selection).await? {
        let is_red = row.state.is_open() && row.due_on < today;
        in_time.red += u32::from(is_red);
        if !(from..=to).contains(&row.due_on) {
            continue;
        }
        match (row.state, row.closed_on) {
            (RectificationState::Closed, Some(closed_on)) => {
                in_time.due += 1;
                in_time.closed += u32::from(closed_on <= row.due_on);
            }
            _ => in_time.due += u32::from(is_red),
        }
    }
    Ok(in_time)
}

/// The items about which a branch has something still to be put right.
pub async fn open_item_codes(
    connection: &impl ConnectionTrait,
    branch: BranchId,
) -> Result<HashSet<String>, StoreError> {
    let codes: Vec<Option<String>> = rectification::Entity::find()
        .select_only()
        .column(rectification::Column::ItemCode)
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(is_open())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(codes.into_iter().flatten().collect())
}

/// Where the latest rectification of a branch about each item stands: of a check's own those, else of those that belong to none.
pub async fn latest_of_items(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    check: HealthCheckId,
) -> Result<HashMap<String, RectificationState>, StoreError> {
    let rows: Vec<(Option<String>, String, Option<HealthCheckId>)> = rectification::Entity::find()
        .select_only()
        .columns([
            rectification::Column::ItemCode,
            rectification::Column::State,
            rectification::Column::HealthCheckId,
        ])
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(
            Condition::any()
                .add(rectification::Column::HealthCheckId.eq(check))
                .add(rectification::Column::HealthCheckId.is_null()),
        )
        .filter(rectification::Column::ItemCode.is_not_null())
        .order_by_asc(rectification::Column::Id)
        .into_tuple()
        .all(connection)
        .await?;
    let mut latest = HashMap::new();
    let (own, of_none): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(.., of)| of.is_some());
    for (item, state, _) in of_none.into_iter().chain(own) {
        let state = RectificationState::parse(&state)
            .ok_or_else(|| StoreError::corrupt("rectification.state", &state))?;
        latest.extend(item.map(|item| (item, state)));
    }
    Ok(latest)
}
