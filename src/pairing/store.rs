//! Rows of pairings, their members and activities.

pub(super) mod activity;
mod list;
pub mod todo;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{branch, pairing, pairing_member};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, JoinType, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, RelationTrait as _, Select,
    sea_query::{Expr, SelectStatement},
};

pub(super) use activity::{
    activities, activities_by_ids, activity_branches, check_activity_page, count_activities, insert_activity,
};
pub(super) use list::{PairingFilter, check_page, count, count_of_branches, list, of_branches};

use super::model::{Member, Pairing, PairingBasis, PairingForm, PairingRole, PairingState};
use crate::{
    auth::{Extent, Scope, branches_below},
    kernel::id::{BranchId, PairingId},
    storage::{
        ROW_LOCK, StoreError,
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Pairing {
    type Entity = pairing::Entity;

    const COLUMNS: &'static [pairing::Column] = &[
        pairing::Column::Id,
        pairing::Column::Form,
        pairing::Column::Basis,
        pairing::Column::State,
        pairing::Column::Title,
        pairing::Column::Goal,
        pairing::Column::Year,
        pairing::Column::StartsOn,
        pairing::Column::EndsOn,
        pairing::Column::ProposedById,
        pairing::Column::ApprovedAt,
        pairing::Column::EndReason,
        pairing::Column::Version,
        pairing::Column::UpdatedAt,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            form: cells.named("pairing.form", PairingForm::parse)?,
            basis: cells.named("pairing.basis", PairingBasis::parse)?,
            state: cells.named("pairing.state", PairingState::parse)?,
            title: cells.take()?,
            goal: cells.optional()?,
            year: cells.take()?,
            starts_on: cells.take()?,
            ends_on: cells.optional()?,
            proposed_by: cells.optional()?,
            approved_at: cells.optional()?,
            end_reason: cells.optional()?,
            version: cells.take()?,
            updated_at: cells.take()?,
        })
    }
}

impl FromRow for Member {
    type Entity = pairing_member::Entity;

    const COLUMNS: &'static [pairing_member::Column] = &[
        pairing_member::Column::PairingId,
        pairing_member::Column::BranchId,
        pairing_member::Column::Role,
        pairing_member::Column::AcceptedAt,
        pairing_member::Column::LeftOn,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            pairing_id: cells.take()?,
            branch_id: cells.take()?,
            role: cells.named("pairing_member.role", PairingRole::parse)?,
            accepted_at: cells.optional()?,
            left_on: cells.optional()?,
        })
    }
}

fn states(states: &[PairingState]) -> impl Iterator<Item = &'static str> {
    states.iter().map(|state| state.as_str())
}

/// Ids of pairings that have a member of which the condition holds, as a subquery.
fn with_member(condition: Condition) -> SelectStatement {
    pairing_member::Entity::find()
        .select_only()
        .column(pairing_member::Column::PairingId)
        .filter(condition)
        .into_query()
}

fn member_branch() -> Expr {
    Expr::col((pairing_member::Entity, pairing_member::Column::BranchId))
}

/// Pairings that a caller may see: ACTIVE and COMPLETED ones for everybody but ADAPTER, the others in scope of one
/// of their members (docs/domain.md, 9).
fn visible(scope: &Scope) -> Select<pairing::Entity> {
    let select = pairing::Entity::find().filter(scope.public());
    if scope.extent() == Extent::District {
        return select;
    }
    select.filter(
        Condition::any()
            .add(pairing::Column::State.is_in(states(&PairingState::PUBLIC)))
            .add(pairing::Column::Id.in_subquery(with_member(scope.branch_ids(member_branch())))),
    )
}

/// Pairings by id, those the caller may see.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[PairingId],
) -> Result<HashMap<PairingId, Pairing>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, pairing::Column::Id, ids));
    row::by_key(connection, selection, |row: &Pairing| row.id).await
}

/// The members of each pairing, leads first, in the order they were named; for pairings that were read by scope.
pub(super) async fn members(
    connection: &impl ConnectionTrait,
    ids: &[PairingId],
) -> Result<HashMap<PairingId, Vec<Member>>, StoreError> {
    let selection = pairing_member::Entity::find()
        .filter(row::among(connection, pairing_member::Column::PairingId, ids))
        .order_by_asc(pairing_member::Column::PairingId)
        .order_by_asc(pairing_member::Column::Position);
    let mut members: HashMap<PairingId, Vec<Member>> = HashMap::new();
    for member in row::all::<Member>(connection, selection).await? {
        members.entry(member.pairing_id).or_default().push(member);
    }
    Ok(members)
}

/// The members of each pairing with what `B` is of their branches, in the same order. In one statement: what a caller reads
/// of a branch is of one version.
pub(super) async fn members_with<B: FromRow<Entity = branch::Entity>>(
    connection: &impl ConnectionTrait,
    ids: &[PairingId],
) -> Result<HashMap<PairingId, Vec<(Member, B)>>, StoreError> {
    let selection = pairing_member::Entity::find()
        .join(JoinType::InnerJoin, pairing_member::Relation::Branch.def())
        .filter(row::among(connection, pairing_member::Column::PairingId, ids))
        .order_by_asc(pairing_member::Column::PairingId)
        .order_by_asc(pairing_member::Column::Position);
    let mut query = row::select::<Member>(selection);
    row::columns::<B>(&mut query);
    let read = |cells: &mut Cells<'_>| Ok((Member::from_row(cells)?, B::from_row(cells)?));
    let mut members: HashMap<PairingId, Vec<(Member, B)>> = HashMap::new();
    for (member, branch) in row::fetch(connection, &query, read).await? {
        let members = members.entry(member.pairing_id).or_default();
        members.push((member, branch));
    }
    Ok(members)
}

/// The row of a step, locked until its transaction ends; after the rows of its members' branches, where the step needs
/// them.
pub(super) async fn lock(write: &Write<'_>, id: PairingId) -> Result<Option<Pairing>, StoreError> {
    let selection = pairing::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// The pairings that are PROPOSED or ACTIVE and that a branch is in, locked in the order of their ids.
pub(super) async fn lock_running_of(write: &Write<'_>, branch: BranchId) -> Result<Vec<Pairing>, StoreError> {
    let member = Condition::all()
        .add(pairing_member::Column::BranchId.eq(branch))
        .add(pairing_member::Column::LeftOn.is_null());
    let selection = pairing::Entity::find()
        .filter(pairing::Column::State.is_in(states(&[PairingState::Proposed, PairingState::Active])))
        .filter(pairing::Column::Id.in_subquery(with_member(member)))
        .order_by_asc(pairing::Column::Id)
        .lock(ROW_LOCK);
    row::all(write.connection(), selection).await
}

/// The pairings that a branch leads, whatever their states.
pub(super) async fn led_by(
    connection: &impl ConnectionTrait,
    branch: BranchId,
) -> Result<Vec<Pairing>, StoreError> {
    let member = Condition::all()
        .add(pairing_member::Column::BranchId.eq(branch))
        .add(pairing_member::Column::Role.eq(PairingRole::Lead.as_str()))
        .add(pairing_member::Column::LeftOn.is_null());
    let selection = pairing::Entity::find()
        .filter(pairing::Column::Id.in_subquery(with_member(member)))
        .order_by_asc(pairing::Column::Id);
    row::all(connection, selection).await
}

/// In how many active pairings each branch is; those in none are left out.
pub(super) async fn active_pairings(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
) -> Result<HashMap<BranchId, u32>, StoreError> {
    let rows: Vec<(BranchId, i64)> = pairing_member::Entity::find()
        .inner_join(pairing::Entity)
        .select_only()
        .column(pairing_member::Column::BranchId)
        .column_as(pairing_member::Column::PairingId.count(), "n")
        .filter(row::among(connection, pairing_member::Column::BranchId, branches))
        .filter(pairing_member::Column::LeftOn.is_null())
        .filter(pairing::Column::State.eq(PairingState::Active.as_str()))
        .group_by(pairing_member::Column::BranchId)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(branch, n)| (branch, u32::try_from(n).unwrap_or(u32::MAX)))
        .collect())
}

/// Those of the branches that an extent covers.
pub(super) async fn covered(
    connection: &impl ConnectionTrait,
    extent: Extent,
    branches: &[BranchId],
) -> Result<HashSet<BranchId>, StoreError> {
    Ok(match extent {
        Extent::Nothing => HashSet::new(),
        Extent::Branch(own) => branches.iter().copied().filter(|id| *id == own).collect(),
        Extent::District => branches.iter().copied().collect(),
        // An examiner takes no part in pairings.
        Extent::Assigned { .. } => HashSet::new(),
        Extent::Subtree(top) => {
            let ids: Vec<BranchId> = branch::Entity::find()
                .select_only()
                .column(branch::Column::Id)
                .filter(branch::Column::Id.is_in(branches.iter().copied()))
                .filter(branch::Column::Id.in_subquery(branches_below(top)))
                .into_tuple()
                .all(connection)
                .await?;
            ids.into_iter().collect()
        }
    })
}

fn active_model(pairing: &Pairing) -> pairing::ActiveModel {
    pairing::ActiveModel {
        id: Set(pairing.id),
        form: Set(pairing.form.as_str().to_owned()),
        basis: Set(pairing.basis.as_str().to_owned()),
        title: Set(pairing.title.clone()),
        goal: Set(pairing.goal.clone()),
        year: Set(pairing.year),
        state: Set(pairing.state.as_str().to_owned()),
        starts_on: Set(pairing.starts_on),
        ends_on: Set(pairing.ends_on),
        proposed_by_id: Set(pairing.proposed_by),
        approved_at: Set(pairing.approved_at),
        end_reason: Set(pairing.end_reason.clone()),
        version: Set(pairing.version),
        updated_at: Set(pairing.updated_at),
    }
}

/// A new pairing; the id it carries is not looked at.
pub(super) async fn insert(write: &Write<'_>, pairing: &Pairing) -> Result<PairingId, StoreError> {
    let row = pairing::ActiveModel {
        id: NotSet,
        ..active_model(pairing)
    };
    Ok(pairing::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Members of a new pairing, in the order given.
pub(super) async fn insert_members(write: &Write<'_>, members: &[Member]) -> Result<(), StoreError> {
    let rows = members
        .iter()
        .zip(0..)
        .map(|(member, position)| pairing_member::ActiveModel {
            pairing_id: Set(member.pairing_id),
            branch_id: Set(member.branch_id),
            role: Set(member.role.as_str().to_owned()),
            position: Set(position),
            accepted_at: Set(member.accepted_at),
            left_on: Set(member.left_on),
        });
    pairing_member::Entity::insert_many(rows)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// Writes what a step changes: state, days, approval, reason and version.
pub(super) async fn save(write: &Write<'_>, pairing: &Pairing) -> Result<(), StoreError> {
    pairing::Entity::update_many()
        .col_expr(pairing::Column::State, Expr::value(pairing.state.as_str()))
        .col_expr(pairing::Column::ApprovedAt, Expr::value(pairing.approved_at))
        .col_expr(
            pairing::Column::EndReason,
            Expr::value(pairing.end_reason.clone()),
        )
        .col_expr(pairing::Column::Version, Expr::value(pairing.version))
        .col_expr(pairing::Column::UpdatedAt, Expr::value(pairing.updated_at))
        .filter(pairing::Column::Id.eq(pairing.id))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Writes that a member accepted.
pub(super) async fn set_accepted(
    write: &Write<'_>,
    id: PairingId,
    branch: BranchId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    pairing_member::Entity::update_many()
        .col_expr(pairing_member::Column::AcceptedAt, Expr::value(at))
        .filter(pairing_member::Column::PairingId.eq(id))
        .filter(pairing_member::Column::BranchId.eq(branch))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Writes that a member left.
pub(super) async fn set_left(
    write: &Write<'_>,
    id: PairingId,
    branch: BranchId,
    on: NaiveDate,
) -> Result<(), StoreError> {
    pairing_member::Entity::update_many()
        .col_expr(pairing_member::Column::LeftOn, Expr::value(on))
        .filter(pairing_member::Column::PairingId.eq(id))
        .filter(pairing_member::Column::BranchId.eq(branch))
        .exec(write.connection())
        .await?;
    Ok(())
}
