//! What waits for somebody, the earliest first day first.

use entity::{branch, organization, organization_closure, pairing, pairing_member};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select,
    sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement},
};

use super::{member_branch, with_member};
use crate::{
    auth::{Extent, Scope, branches_below},
    kernel::id::BranchId,
    pairing::model::{Pairing, PairingState},
    storage::{StoreError, row},
};

/// Proposals that wait for a branch's own acceptance, at most `limit`.
pub async fn waiting_for_acceptance(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    limit: u64,
) -> Result<Vec<Pairing>, StoreError> {
    let member = Condition::all()
        .add(pairing_member::Column::BranchId.eq(branch))
        .add(pairing_member::Column::AcceptedAt.is_null())
        .add(pairing_member::Column::LeftOn.is_null());
    read(
        connection,
        proposed().filter(pairing::Column::Id.in_subquery(with_member(member))),
        limit,
    )
    .await
}

/// Proposals that wait for approval by who has this scope, at most `limit`: a committee's are those whose members are
/// all below it, the district's those that no one committee can approve.
pub async fn waiting_for_approval(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    limit: u64,
) -> Result<Vec<Pairing>, StoreError> {
    let waiting = proposed().filter(pairing::Column::ApprovedAt.is_null());
    let waiting = match scope.extent() {
        Extent::Nothing | Extent::Branch(_) | Extent::Assigned { .. } => return Ok(Vec::new()),
        Extent::Subtree(top) => {
            let outside = Condition::all().add(member_branch().not_in_subquery(branches_below(top)));
            waiting.filter(pairing::Column::Id.not_in_subquery(with_member(outside)))
        }
        Extent::District => waiting.filter(Condition::all().not().add(Expr::exists(committee_of_all()))),
    };
    read(connection, waiting, limit).await
}

fn proposed() -> Select<pairing::Entity> {
    pairing::Entity::find().filter(pairing::Column::State.eq(PairingState::Proposed.as_str()))
}

async fn read(
    connection: &impl ConnectionTrait,
    select: Select<pairing::Entity>,
    limit: u64,
) -> Result<Vec<Pairing>, StoreError> {
    let selection = select
        .order_by_asc(pairing::Column::StartsOn)
        .order_by_asc(pairing::Column::Id)
        .limit(limit);
    row::all(connection, selection).await
}

/// A committee below which every member of the outer statement's pairing stands.
fn committee_of_all() -> SelectStatement {
    let mut below = Query::select();
    below
        .expr(Expr::val(1))
        .from(organization_closure::Entity)
        .and_where(
            Expr::col((
                organization_closure::Entity,
                organization_closure::Column::AncestorId,
            ))
            .equals((organization::Entity, organization::Column::Id)),
        )
        .and_where(
            Expr::col((
                organization_closure::Entity,
                organization_closure::Column::DescendantId,
            ))
            .equals((branch::Entity, branch::Column::OrganizationId)),
        );
    let outside = pairing_member::Entity::find()
        .inner_join(branch::Entity)
        .select_only()
        .expr(Expr::val(1))
        .filter(
            Expr::col((pairing_member::Entity, pairing_member::Column::PairingId))
                .equals((pairing::Entity, pairing::Column::Id)),
        )
        .filter(Condition::all().not().add(Expr::exists(below)))
        .into_query();
    organization::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(organization::Column::Kind.eq("COMMITTEE"))
        .filter(Condition::all().not().add(Expr::exists(outside)))
        .into_query()
}
