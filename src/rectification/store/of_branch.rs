//! Figures of branches, for whoever may see branches at all, and for health checks.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use entity::rectification;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::{column, is_open};
use crate::{
    auth::Scope,
    kernel::id::BranchId,
    rectification::model::Severity,
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

/// What of a branch's rectifications its badge is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BranchStanding {
    /// Still to be put right.
    pub open: u32,
    /// Of these, past due.
    pub red: u32,
    /// Of these, due soon.
    pub amber: u32,
    /// Of these, grave ones.
    pub major: u32,
}

/// How each branch stands on a day; those with nothing to put right are left out.
pub async fn standings(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
    today: NaiveDate,
    amber_days: u32,
) -> Result<HashMap<BranchId, BranchStanding>, StoreError> {
    let due = || column(rectification::Column::DueOn);
    let soon = today
        .checked_add_days(Days::new(amber_days.into()))
        .unwrap_or(NaiveDate::MAX);
    let how_many = |condition: Expr| {
        let one = Expr::case(condition, 1).finally(0);
        Expr::Case(Box::new(one)).sum()
    };
    let major = column(rectification::Column::Severity).eq(Severity::Major.as_str());
    let rows: Vec<(BranchId, i64, i64, i64, i64)> = rectification::Entity::find()
        .select_only()
        .column(rectification::Column::BranchId)
        .column_as(rectification::Column::Id.count(), "n")
        .column_as(how_many(due().lt(today)), "red")
        .column_as(how_many(due().gte(today).and(due().lte(soon))), "amber")
        .column_as(how_many(major), "major")
        .filter(is_open())
        .filter(row::among(connection, rectification::Column::BranchId, branches))
        .group_by(rectification::Column::BranchId)
        .into_tuple()
        .all(connection)
        .await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(rows
        .into_iter()
        .map(|(branch, open, red, amber, major)| {
            let standing = BranchStanding {
                open: count(open),
                red: count(red),
                amber: count(amber),
                major: count(major),
            };
            (branch, standing)
        })
        .collect())
}

/// What of a branch is or was due from one day to another, both included.
pub async fn due_between(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Rectification>, StoreError> {
    let selection = rectification::Entity::find()
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(rectification::Column::DueOn.between(from, to))
        .order_by_asc(rectification::Column::DueOn)
        .order_by_asc(rectification::Column::Id);
    row::all(connection, selection).await
}
