//! The badge in SQL: one expression, for lists, filters and the board.

use std::collections::HashMap;

use chrono::Days;
use entity::{branch, campaign, health_check, rectification};
use sea_orm::{
    ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
    sea_query::{Condition, Expr, ExprTrait as _, Order, Query, QueryStatementBuilder as _},
};

use super::branches::{LAST_DAY, column, stands};
use crate::{
    auth::Scope,
    board::{badge::Badge, branches::Today},
    branch::TermState,
    health_check::CheckOutcome,
    kernel::id::BranchId,
    rectification::{RectificationState, Severity},
    storage::{StoreError, row},
};

/// `Badge::of` a row of `branch`.
pub(in crate::board) fn badge(today: Today) -> Expr {
    let due = || Expr::col((rectification::Entity, rectification::Column::DueOn));
    // Where the calendar ends, everything is due soon.
    let soon = today
        .day
        .checked_add_days(Days::new(today.amber_days.into()))
        .unwrap_or(LAST_DAY);
    let major =
        Expr::col((rectification::Entity, rectification::Column::Severity)).eq(Severity::Major.as_str());
    let action = Condition::any()
        .add(checked().eq(CheckOutcome::Fail.as_str()))
        .add(stands(TermState::Overdue, today))
        .add(has_open(Condition::all().add(due().lt(today.day))));
    let attention = Condition::any()
        .add(stands(TermState::DueSoon, today))
        .add(has_open(Condition::any().add(due().lte(soon)).add(major)));
    let case = Expr::case(action, Badge::Action.as_str())
        .case(attention, Badge::Attention.as_str())
        .case(checked().eq(CheckOutcome::Pass.as_str()), Badge::Healthy.as_str())
        .finally(Badge::Unchecked.as_str());
    Expr::Case(Box::new(case))
}

/// The outcome of the branch's latest check that has come to one.
fn checked() -> Expr {
    let of_check = |column| Expr::col((health_check::Entity, column));
    let latest = Query::select()
        .column((health_check::Entity, health_check::Column::Outcome))
        .from(health_check::Entity)
        .inner_join(
            campaign::Entity,
            Expr::col((campaign::Entity, campaign::Column::Id))
                .eq(of_check(health_check::Column::CampaignId)),
        )
        .and_where(of_check(health_check::Column::BranchId).eq(column(branch::Column::Id)))
        .and_where(of_check(health_check::Column::Outcome).ne(CheckOutcome::Pending.as_str()))
        .order_by((campaign::Entity, campaign::Column::Year), Order::Desc)
        .limit(1)
        .take();
    Expr::SubQuery(None, Box::new(latest.into_sub_query_statement()))
}

/// Whether the branch has something still to be put right that is so.
fn has_open(condition: Condition) -> Expr {
    let of = |column| Expr::col((rectification::Entity, column));
    let open = RectificationState::OPEN.map(RectificationState::as_str);
    let found = Query::select()
        .expr(Expr::val(1))
        .from(rectification::Entity)
        .and_where(of(rectification::Column::BranchId).eq(column(branch::Column::Id)))
        .and_where(of(rectification::Column::State).is_in(open))
        .cond_where(condition)
        .take();
    Expr::exists(found)
}

/// The badges of branches.
pub(in crate::board) async fn badges(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    today: Today,
) -> Result<HashMap<BranchId, Badge>, StoreError> {
    let query = branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .column_as(badge(today), "badge")
        .filter(scope.public())
        .filter(row::among(connection, branch::Column::Id, branches))
        .into_query();
    let rows = row::fetch(connection, &query, |cells| {
        Ok((cells.take()?, cells.named("badge", Badge::parse)?))
    });
    Ok(rows.await?.into_iter().collect())
}
