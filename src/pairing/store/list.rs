//! Lists of pairings, latest first.

use std::collections::HashMap;

use entity::{pairing, pairing_member};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, JoinType, QueryFilter as _, QuerySelect as _, RelationTrait as _,
    Select,
    sea_query::{Condition, Expr, ExprTrait as _},
};
use serde_json::json;

use super::{member_branch, states, visible, with_member};
use crate::{
    auth::{Scope, branches_below},
    kernel::{
        id::{BranchId, OrganizationId},
        page::{Page, PageArgs, PageError},
    },
    pairing::model::{Pairing, PairingBasis, PairingForm, PairingState},
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row,
    },
};

/// What a list of pairings is narrowed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PairingFilter {
    /// With this branch among the members.
    pub branch: Option<BranchId>,
    /// With a member below this organization.
    pub organization: Option<OrganizationId>,
    /// Of these forms.
    pub forms: Option<Vec<PairingForm>>,
    /// On these bases.
    pub bases: Option<Vec<PairingBasis>>,
    /// In these states.
    pub states: Vec<PairingState>,
    /// Of this campaign year.
    pub year: Option<i32>,
}

fn latest_first() -> Keyset {
    Keyset::new(
        "pairing.starts",
        [
            KeyColumn::desc(
                Expr::col((pairing::Entity, pairing::Column::StartsOn)),
                KeyKind::Day,
            ),
            KeyColumn::desc(Expr::col((pairing::Entity, pairing::Column::Id)), KeyKind::Int),
        ],
    )
}

fn key(row: &Pairing) -> Vec<serde_json::Value> {
    vec![json!(row.starts_on), json!(row.id)]
}

fn filtered(scope: &Scope, filter: &PairingFilter) -> Select<pairing::Entity> {
    let mut select = visible(scope).filter(pairing::Column::State.is_in(states(&filter.states)));
    if let Some(branch) = filter.branch {
        let member = Condition::all().add(member_branch().eq(branch));
        select = select.filter(pairing::Column::Id.in_subquery(with_member(member)));
    }
    if let Some(organization) = filter.organization {
        let member = Condition::all().add(member_branch().in_subquery(branches_below(organization)));
        select = select.filter(pairing::Column::Id.in_subquery(with_member(member)));
    }
    if let Some(forms) = &filter.forms {
        select = select.filter(pairing::Column::Form.is_in(forms.iter().map(|form| form.as_str())));
    }
    if let Some(bases) = &filter.bases {
        select = select.filter(pairing::Column::Basis.is_in(bases.iter().map(|basis| basis.as_str())));
    }
    if let Some(year) = filter.year {
        select = select.filter(pairing::Column::Year.eq(year));
    }
    select
}

/// A page of pairings, latest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &PairingFilter,
    args: &PageArgs,
) -> Result<Page<Pairing>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(scope, filter), &request, key)
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &PairingFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}

/// Checks page arguments of pairings before they reach a loader.
pub fn check_page(args: &PageArgs) -> Result<(), PageError> {
    latest_first().check(args).map(drop)
}

fn of(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    in_states: &[PairingState],
) -> Select<pairing::Entity> {
    visible(scope)
        .join(JoinType::InnerJoin, pairing_member::Relation::Pairing.def().rev())
        .filter(row::among(connection, pairing_member::Column::BranchId, branches))
        .filter(pairing::Column::State.is_in(states(in_states)))
}

/// A page of the pairings of each branch, those it has left too, latest first.
pub async fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    in_states: &[PairingState],
    args: &PageArgs,
) -> Result<HashMap<BranchId, Page<Pairing>>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let select = of(connection, scope, branches, in_states);
    let pages = order
        .pages(connection, select, member_branch(), &request, key)
        .await?;
    Ok(pages)
}

/// How many pairings each branch has in these states.
pub async fn count_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    in_states: &[PairingState],
) -> Result<HashMap<BranchId, u64>, StoreError> {
    keyset::counts(
        connection,
        of(connection, scope, branches, in_states),
        member_branch(),
    )
    .await
}
