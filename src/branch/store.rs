//! Rows of branches, their terms, aliases, moves and gold titles.

mod codes;
mod due;
mod rows;

use std::collections::{HashMap, HashSet};

use chrono::{Months, NaiveDate};
use entity::{branch, branch_term, gold_title};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::ExprTrait as _,
};

pub use codes::resolve_code;
pub(super) use codes::{
    add_alias, aliases, end_alias, holder, latest_alias, predecessors_in_a_row, successions,
};
pub use due::{elections_due, verify_term_ends};
pub(super) use rows::{add_move, end, extend_term, insert, insert_term, touch, update};

use super::model::{Branch, BranchForm, BranchStatus, Domain, Term};
use crate::{
    auth::Scope,
    kernel::id::BranchId,
    storage::{ROW_LOCK, StoreError, write::Write},
};

/// A row as the domain knows it, for slices above that list branches.
pub fn model(row: branch::Model) -> Result<Branch, StoreError> {
    Ok(Branch {
        id: row.id,
        domain: Domain::parse(&row.domain)
            .ok_or_else(|| StoreError::corrupt("branch.domain", &row.domain))?,
        form: BranchForm::parse(&row.form).ok_or_else(|| StoreError::corrupt("branch.form", &row.form))?,
        status: BranchStatus::parse(&row.status)
            .ok_or_else(|| StoreError::corrupt("branch.status", &row.status))?,
        code: row.code,
        name: row.name,
        organization_id: row.organization_id,
        founded_on: row.founded_on,
        ended_on: row.ended_on,
        successor_id: row.successor_id,
        member_count: row.member_count,
        contact_phone: row.contact_phone,
        term_ends_on: row.term_ends_on,
        version: row.version,
        updated_at: row.updated_at,
    })
}

/// Branches by id, for those who may see branches at all.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Branch>, StoreError> {
    branch::Entity::find()
        .filter(scope.public())
        .filter(branch::Column::Id.is_in(ids.iter().copied()))
        .all(connection)
        .await?
        .into_iter()
        .map(|row| Ok((row.id, model(row)?)))
        .collect()
}

/// A branch by id.
pub async fn by_id(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    id: BranchId,
) -> Result<Option<Branch>, StoreError> {
    Ok(by_ids(connection, scope, &[id]).await?.remove(&id))
}

/// The rows of a mutation, locked until its transaction ends; in the order of their ids, so that two mutations over the
/// same branches cannot wait for each other.
pub async fn lock(write: &Write<'_>, ids: &[BranchId]) -> Result<HashMap<BranchId, Branch>, StoreError> {
    branch::Entity::find()
        .filter(branch::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(branch::Column::Id)
        .lock(ROW_LOCK)
        .all(write.connection())
        .await?
        .into_iter()
        .map(|row| Ok((row.id, model(row)?)))
        .collect()
}

/// Those of the branches that hold a gold title (金牌) that has not been revoked.
pub async fn gold_among(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
) -> Result<HashSet<BranchId>, StoreError> {
    let gold: Vec<BranchId> = gold_title::Entity::find()
        .select_only()
        .column(gold_title::Column::BranchId)
        .filter(gold_title::Column::BranchId.is_in(ids.iter().copied()))
        .filter(gold_title::Column::RevokedOn.is_null())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(gold.into_iter().collect())
}

/// Those of the branches that are gold (金牌) on a day: a title awarded by then and not revoked by then.
pub async fn gold_on(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
    day: NaiveDate,
) -> Result<HashSet<BranchId>, StoreError> {
    let gold: Vec<BranchId> = gold_title::Entity::find()
        .select_only()
        .column(gold_title::Column::BranchId)
        .filter(gold_title::Column::BranchId.is_in(ids.iter().copied()))
        .filter(gold_title::Column::AwardedOn.lte(day))
        .filter(
            gold_title::Column::RevokedOn
                .is_null()
                .or(gold_title::Column::RevokedOn.gt(day)),
        )
        .into_tuple()
        .all(connection)
        .await?;
    Ok(gold.into_iter().collect())
}

/// All terms of each branch, latest first.
pub async fn terms(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Vec<Term>>, StoreError> {
    type Row = (BranchId, NaiveDate, NaiveDate, Option<NaiveDate>, Option<bool>);
    let rows: Vec<Row> = branch_term::Entity::find()
        .select_only()
        .columns([
            branch_term::Column::BranchId,
            branch_term::Column::ElectedOn,
            branch_term::Column::EndsOn,
            branch_term::Column::ExtendedTo,
            branch_term::Column::OnTime,
        ])
        .filter(branch_term::Column::BranchId.is_in(ids.iter().copied()))
        .order_by_asc(branch_term::Column::BranchId)
        .order_by_desc(branch_term::Column::ElectedOn)
        .into_tuple()
        .all(connection)
        .await?;
    let mut terms: HashMap<BranchId, Vec<Term>> = HashMap::new();
    for (branch_id, elected_on, ends_on, extended_to, on_time) in rows {
        terms.entry(branch_id).or_default().push(Term {
            branch_id,
            elected_on,
            ends_on,
            extended_to,
            on_time,
        });
    }
    Ok(terms)
}

/// The branches whose term state on one day differs from that on another, with their versions, by id.
pub(super) async fn whose_term_state_moved(
    connection: &impl ConnectionTrait,
    from: NaiveDate,
    to: NaiveDate,
    due_soon_months: u32,
) -> Result<Vec<(BranchId, i32)>, StoreError> {
    let (earlier, later) = if from <= to { (from, to) } else { (to, from) };
    // It became overdue, or due soon: its end lies where the border went over it.
    let overdue = Condition::all()
        .add(branch::Column::TermEndsOn.gte(earlier))
        .add(branch::Column::TermEndsOn.lt(later));
    let soon = |day: NaiveDate| {
        day.checked_add_months(Months::new(due_soon_months))
            .unwrap_or(NaiveDate::MAX)
    };
    let due = Condition::all()
        .add(branch::Column::TermEndsOn.gt(soon(earlier)))
        .add(branch::Column::TermEndsOn.lte(soon(later)));
    Ok(branch::Entity::find()
        .select_only()
        .columns([branch::Column::Id, branch::Column::Version])
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()))
        .filter(branch::Column::Form.ne(BranchForm::Temporary.as_str()))
        .filter(Condition::any().add(overdue).add(due))
        .order_by_asc(branch::Column::Id)
        .into_tuple()
        .all(connection)
        .await?)
}
