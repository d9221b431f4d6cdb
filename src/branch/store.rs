//! Rows of branches, their terms, aliases, moves and gold titles.

mod codes;
mod due;
mod places;
mod rows;

use std::collections::{HashMap, HashSet};

use chrono::{Months, NaiveDate};
use entity::{branch, branch_term, gold_title};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::ExprTrait as _,
};

pub(super) use codes::{
    add_alias, aliases, end_alias, holder, latest_alias, predecessors_in_a_row, successions,
};
pub use codes::{code_holders, is_or_became, merged_into, resolve_code, successors};
pub use due::{elections_due, verify_term_ends};
pub use places::places;
pub(super) use rows::{add_move, end, extend_term, insert, insert_term, touch, update};

use super::model::{Branch, BranchForm, BranchNames, BranchStatus, Domain, Term};
use crate::{
    auth::Scope,
    kernel::id::BranchId,
    storage::{
        ROW_LOCK, StoreError,
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Branch {
    type Entity = branch::Entity;

    const COLUMNS: &'static [branch::Column] = &[
        branch::Column::Id,
        branch::Column::Code,
        branch::Column::Name,
        branch::Column::Domain,
        branch::Column::Form,
        branch::Column::Status,
        branch::Column::OrganizationId,
        branch::Column::FoundedOn,
        branch::Column::EndedOn,
        branch::Column::SuccessorId,
        branch::Column::MemberCount,
        branch::Column::ContactPhone,
        branch::Column::TermEndsOn,
        branch::Column::Version,
        branch::Column::UpdatedAt,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            code: cells.take()?,
            name: cells.take()?,
            domain: cells.named("branch.domain", Domain::parse)?,
            form: cells.named("branch.form", BranchForm::parse)?,
            status: cells.named("branch.status", BranchStatus::parse)?,
            organization_id: cells.take()?,
            founded_on: cells.take()?,
            ended_on: cells.optional()?,
            successor_id: cells.optional()?,
            member_count: cells.take()?,
            contact_phone: cells.optional()?,
            term_ends_on: cells.optional()?,
            version: cells.take()?,
            updated_at: cells.take()?,
        })
    }
}

impl FromRow for BranchNames {
    type Entity = branch::Entity;

    const COLUMNS: &'static [branch::Column] =
        &[branch::Column::Id, branch::Column::Code, branch::Column::Name];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            code: cells.take()?,
            name: cells.take()?,
        })
    }
}

impl FromRow for Term {
    type Entity = branch_term::Entity;

    const COLUMNS: &'static [branch_term::Column] = &[
        branch_term::Column::BranchId,
        branch_term::Column::ElectedOn,
        branch_term::Column::EndsOn,
        branch_term::Column::ExtendedTo,
        branch_term::Column::OnTime,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            branch_id: cells.take()?,
            elected_on: cells.take()?,
            ends_on: cells.take()?,
            extended_to: cells.optional()?,
            on_time: cells.optional()?,
        })
    }
}

/// Branches by id, for those who may see branches at all.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Branch>, StoreError> {
    let selection =
        branch::Entity::find()
            .filter(scope.public())
            .filter(row::among(connection, branch::Column::Id, ids));
    row::by_key(connection, selection, |row: &Branch| row.id).await
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
    let selection = branch::Entity::find()
        .filter(branch::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(branch::Column::Id)
        .lock(ROW_LOCK);
    row::by_key(write.connection(), selection, |row: &Branch| row.id).await
}

/// Those of the branches that hold a gold title (金牌) that has not been revoked.
pub async fn gold_among(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
) -> Result<HashSet<BranchId>, StoreError> {
    let gold: Vec<BranchId> = gold_title::Entity::find()
        .select_only()
        .column(gold_title::Column::BranchId)
        .filter(row::among(connection, gold_title::Column::BranchId, ids))
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
        .filter(row::among(connection, gold_title::Column::BranchId, ids))
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
    let selection = branch_term::Entity::find()
        .filter(row::among(connection, branch_term::Column::BranchId, ids))
        .order_by_asc(branch_term::Column::BranchId)
        .order_by_desc(branch_term::Column::ElectedOn);
    let mut terms: HashMap<BranchId, Vec<Term>> = HashMap::new();
    for term in row::all::<Term>(connection, selection).await? {
        terms.entry(term.branch_id).or_default().push(term);
    }
    Ok(terms)
}

/// Running branches whose term was not over on one day and is on a later one, by id; temporary ones have none.
pub async fn whose_term_ended(
    connection: &impl ConnectionTrait,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<BranchId>, StoreError> {
    Ok(branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()))
        .filter(branch::Column::Form.ne(BranchForm::Temporary.as_str()))
        .filter(branch::Column::TermEndsOn.gte(from))
        .filter(branch::Column::TermEndsOn.lt(to))
        .order_by_asc(branch::Column::Id)
        .into_tuple()
        .all(connection)
        .await?)
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
