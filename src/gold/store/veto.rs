//! Rows of vetoes. Who may see them is the district alone: what is known of one branch's failings is nobody else's.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::veto;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, Select,
    sea_query::Expr,
};
use serde_json::json;

use crate::{
    auth::{Requester, Role},
    gold::model::{Veto, VetoKind},
    kernel::{
        id::{BranchId, VetoId},
        page::{Page, PageArgs, PageError},
    },
    storage::{
        ROW_LOCK, StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Veto {
    type Entity = veto::Entity;

    const COLUMNS: &'static [veto::Column] = &[
        veto::Column::Id,
        veto::Column::BranchId,
        veto::Column::Kind,
        veto::Column::OccurredOn,
        veto::Column::DocumentNumber,
        veto::Column::LiftedOn,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            branch_id: cells.take()?,
            kind: cells.named("veto.kind", VetoKind::parse)?,
            occurred_on: cells.take()?,
            document_number: cells.take()?,
            lifted_on: cells.optional()?,
        })
    }
}

/// What a list of vetoes is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VetoFilter {
    /// About this branch.
    pub branch: Option<BranchId>,
    /// Open ones, or lifted ones.
    pub open: Option<bool>,
}

fn visible(requester: &Requester) -> Select<veto::Entity> {
    let select = veto::Entity::find();
    if requester.role() == Role::DistrictAdmin {
        select
    } else {
        select.filter(Expr::cust("1 = 0"))
    }
}

fn filtered(requester: &Requester, filter: &VetoFilter) -> Select<veto::Entity> {
    let mut select = visible(requester);
    if let Some(branch) = filter.branch {
        select = select.filter(veto::Column::BranchId.eq(branch));
    }
    match filter.open {
        Some(true) => select.filter(veto::Column::LiftedOn.is_null()),
        Some(false) => select.filter(veto::Column::LiftedOn.is_not_null()),
        None => select,
    }
}

fn latest_first() -> Keyset {
    Keyset::new(
        "veto.occurred",
        [
            KeyColumn::desc(Expr::col((veto::Entity, veto::Column::OccurredOn)), KeyKind::Day),
            KeyColumn::desc(Expr::col((veto::Entity, veto::Column::Id)), KeyKind::Int),
        ],
    )
}

/// Checks page arguments of vetoes before anything is read.
pub fn check_veto_page(args: &PageArgs) -> Result<(), PageError> {
    latest_first().check(args).map(drop)
}

/// A page of vetoes, those of the latest facts first.
pub async fn vetoes(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    filter: &VetoFilter,
    args: &PageArgs,
) -> Result<Page<Veto>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(requester, filter), &request, |row: &Veto| {
            vec![json!(row.occurred_on), json!(row.id)]
        })
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count_vetoes(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    filter: &VetoFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(requester, filter)).await
}

/// Vetoes by id.
pub async fn vetoes_by_ids(
    connection: &impl ConnectionTrait,
    requester: &Requester,
    ids: &[VetoId],
) -> Result<HashMap<VetoId, Veto>, StoreError> {
    let selection = visible(requester).filter(row::among(connection, veto::Column::Id, ids));
    row::by_key(connection, selection, |row: &Veto| row.id).await
}

/// A veto by id, for whoever may lift it.
pub async fn veto(connection: &impl ConnectionTrait, id: VetoId) -> Result<Option<Veto>, StoreError> {
    row::one(connection, veto::Entity::find_by_id(id)).await
}

/// Whether a branch has an open veto.
pub async fn has_open(connection: &impl ConnectionTrait, branch: BranchId) -> Result<bool, StoreError> {
    let open = veto::Entity::find()
        .filter(veto::Column::BranchId.eq(branch))
        .filter(veto::Column::LiftedOn.is_null());
    Ok(row::one::<Veto>(connection, open).await?.is_some())
}

/// The row of a mutation, locked until its transaction ends; after its branch's.
pub async fn lock_veto(write: &Write<'_>, id: VetoId) -> Result<Option<Veto>, StoreError> {
    row::one(write.connection(), veto::Entity::find_by_id(id).lock(ROW_LOCK)).await
}

/// A new veto; the id it carries is not looked at.
pub async fn insert_veto(write: &Write<'_>, new: &Veto) -> Result<VetoId, StoreError> {
    let row = veto::ActiveModel {
        id: NotSet,
        branch_id: Set(new.branch_id),
        kind: Set(new.kind.as_str().to_owned()),
        occurred_on: Set(new.occurred_on),
        document_number: Set(new.document_number.clone()),
        lifted_on: Set(new.lifted_on),
    };
    Ok(veto::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Writes that a veto was lifted.
pub async fn set_lifted(write: &Write<'_>, id: VetoId, on: NaiveDate) -> Result<(), StoreError> {
    veto::Entity::update_many()
        .col_expr(veto::Column::LiftedOn, Expr::value(on))
        .filter(veto::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    Ok(())
}
