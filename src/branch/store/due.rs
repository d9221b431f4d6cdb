//! Branches whose election is due, and the ends of terms recomputed.

use chrono::{Months, NaiveDate};
use entity::branch;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Statement, sea_query::Expr,
};

use crate::{
    auth::Scope,
    branch::model::{Branch, BranchForm, BranchStatus},
    storage::{StoreError, row},
};

/// Running branches in scope whose term is over or ends within so many months, the longest overdue first.
pub async fn elections_due(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    today: NaiveDate,
    due_soon_months: u32,
    limit: u64,
) -> Result<Vec<Branch>, StoreError> {
    let soon = today
        .checked_add_months(Months::new(due_soon_months))
        .unwrap_or(NaiveDate::MAX);
    let selection = branch::Entity::find()
        .filter(scope.branches(
            Expr::col(branch::Column::Id),
            Expr::col(branch::Column::OrganizationId),
        ))
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()))
        .filter(branch::Column::Form.ne(BranchForm::Temporary.as_str()))
        .filter(branch::Column::TermEndsOn.lte(soon))
        .order_by_asc(branch::Column::TermEndsOn)
        .order_by_asc(branch::Column::Id)
        .limit(limit);
    row::all(connection, selection).await
}

/// How many branches' `term_ends_on` differs from the end of their latest term.
pub async fn verify_term_ends(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) AS differences FROM branch b LEFT JOIN branch_term t \
                 ON t.branch_id = b.id \
                 AND t.elected_on = (SELECT max(elected_on) FROM branch_term WHERE branch_id = b.id) \
               WHERE coalesce(t.extended_to, t.ends_on) IS DISTINCT FROM b.term_ends_on";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
