//! Rows of organizations and of their closure.

mod headcounts;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use entity::{organization, organization_closure, organization_move};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select, Statement,
    sea_query::Expr,
};
use serde_json::json;

pub(super) use headcounts::put_headcount;
pub use headcounts::{headcounts, headcounts_by_ids};

use super::model::{Organization, OrganizationKind};
use crate::{
    auth::Scope,
    kernel::{
        id::OrganizationId,
        page::{Page, PageArgs, PageError},
    },
    storage::{
        ROW_LOCK, StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Organization {
    type Entity = organization::Entity;

    const COLUMNS: &'static [organization::Column] = &[
        organization::Column::Id,
        organization::Column::Code,
        organization::Column::Name,
        organization::Column::Kind,
        organization::Column::ParentId,
        organization::Column::Version,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            code: cells.take()?,
            name: cells.take()?,
            kind: cells.named("organization.kind", OrganizationKind::parse)?,
            parent_id: cells.optional()?,
            version: cells.take()?,
        })
    }
}

fn by_code_order() -> Keyset {
    Keyset::new(
        "organization.code",
        [KeyColumn::asc(
            Expr::col(organization::Column::Code),
            KeyKind::Text,
        )],
    )
}

fn key(row: &Organization) -> Vec<serde_json::Value> {
    vec![json!(row.code)]
}

fn visible(scope: &Scope) -> Select<organization::Entity> {
    organization::Entity::find().filter(scope.public())
}

/// An organization, for those who may see it.
pub async fn by_id(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    let selection = visible(scope).filter(organization::Column::Id.eq(id));
    row::one(connection, selection).await
}

/// Organizations by id.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[OrganizationId],
) -> Result<HashMap<OrganizationId, Organization>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, organization::Column::Id, ids));
    row::by_key(connection, selection, |row: &Organization| row.id).await
}

/// The organization of a code.
pub async fn by_code(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    code: &str,
) -> Result<Option<Organization>, StoreError> {
    let selection = visible(scope).filter(organization::Column::Code.eq(code));
    row::one(connection, selection).await
}

/// The district, if the service has been given one.
pub async fn root(connection: &impl ConnectionTrait) -> Result<Option<Organization>, StoreError> {
    let selection = organization::Entity::find().filter(organization::Column::ParentId.is_null());
    row::one(connection, selection).await
}

/// The organizations of a scope; only subtrees have such a list.
pub async fn organizations_in_scope(
    connection: &impl ConnectionTrait,
    scope: &Scope,
) -> Result<HashSet<OrganizationId>, StoreError> {
    let ids: Vec<OrganizationId> = organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .filter(scope.organizations(Expr::col(organization::Column::Id)))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

/// What a list of organizations is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrganizationFilter {
    /// Directly below this one.
    pub parent: Option<OrganizationId>,
    /// Of this kind.
    pub kind: Option<OrganizationKind>,
}

fn filtered(scope: &Scope, filter: &OrganizationFilter) -> Select<organization::Entity> {
    let mut select = visible(scope);
    if let Some(parent) = filter.parent {
        select = select.filter(organization::Column::ParentId.eq(parent));
    }
    if let Some(kind) = filter.kind {
        select = select.filter(organization::Column::Kind.eq(kind.as_str()));
    }
    select
}

/// A page of organizations by code.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &OrganizationFilter,
    args: &PageArgs,
) -> Result<Page<Organization>, ListError> {
    let order = by_code_order();
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
    filter: &OrganizationFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}

/// Checks page arguments of organizations by code before they reach a loader.
pub fn check_page(args: &PageArgs) -> Result<(), PageError> {
    by_code_order().check(args).map(drop)
}

/// A page of the children of each parent.
pub async fn children(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    parents: &[OrganizationId],
    args: &PageArgs,
) -> Result<HashMap<OrganizationId, Page<Organization>>, ListError> {
    let order = by_code_order();
    let request = order.check(args)?;
    let select = visible(scope).filter(row::among(connection, organization::Column::ParentId, parents));
    let pages = order
        .pages(
            connection,
            select,
            Expr::col(organization::Column::ParentId),
            &request,
            key,
        )
        .await?;
    Ok(pages)
}

/// How many children each parent has.
pub async fn count_children(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    parents: &[OrganizationId],
) -> Result<HashMap<OrganizationId, u64>, StoreError> {
    let select = visible(scope).filter(row::among(connection, organization::Column::ParentId, parents));
    keyset::counts(connection, select, Expr::col(organization::Column::ParentId)).await
}

/// The nearest committee above each organization, itself included; the district has none.
pub async fn nearest_committees(
    connection: &impl ConnectionTrait,
    organizations: impl IntoIterator<Item = OrganizationId>,
) -> Result<HashMap<OrganizationId, OrganizationId>, StoreError> {
    let rows: Vec<(OrganizationId, OrganizationId, i32)> = organization_closure::Entity::find()
        .select_only()
        .columns([
            organization_closure::Column::DescendantId,
            organization_closure::Column::AncestorId,
            organization_closure::Column::Depth,
        ])
        .filter(organization_closure::Column::DescendantId.is_in(organizations))
        .filter(
            organization_closure::Column::AncestorId.in_subquery(
                organization::Entity::find()
                    .select_only()
                    .column(organization::Column::Id)
                    .filter(organization::Column::Kind.eq(OrganizationKind::Committee.as_str()))
                    .into_query(),
            ),
        )
        // The nearest comes last and stays.
        .order_by_desc(organization_closure::Column::Depth)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(below, committee, _)| (below, committee))
        .collect())
}

/// The row of a mutation, locked until the transaction ends.
pub(super) async fn lock(write: &Write<'_>, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
    let selection = organization::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// A new organization with its place in the closure.
pub(super) async fn insert(
    write: &Write<'_>,
    code: &str,
    name: &str,
    kind: OrganizationKind,
    parent: Option<OrganizationId>,
) -> Result<OrganizationId, StoreError> {
    let row = organization::ActiveModel {
        id: NotSet,
        code: Set(code.to_owned()),
        name: Set(name.to_owned()),
        kind: Set(kind.as_str().to_owned()),
        parent_id: Set(parent),
        version: Set(1),
        updated_at: Set(write.clock().business()),
    };
    let id = organization::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id;
    link(write, id, parent).await?;
    Ok(id)
}

/// Puts a new organization below its parent in the closure.
async fn link(
    write: &Write<'_>,
    id: OrganizationId,
    parent: Option<OrganizationId>,
) -> Result<(), StoreError> {
    let own = organization_closure::ActiveModel {
        ancestor_id: Set(id),
        descendant_id: Set(id),
        depth: Set(0),
    };
    organization_closure::Entity::insert(own)
        .exec_without_returning(write.connection())
        .await?;
    if let Some(parent) = parent {
        execute(
            write,
            format!(
                "INSERT INTO organization_closure (ancestor_id, descendant_id, depth) \
                 SELECT ancestor_id, {id}, depth + 1 FROM organization_closure WHERE descendant_id = {parent}",
                id = id.0,
                parent = parent.0
            ),
        )
        .await?;
    }
    Ok(())
}

/// Writes name and version.
pub(super) async fn update(
    write: &Write<'_>,
    id: OrganizationId,
    name: &str,
    version: i32,
) -> Result<(), StoreError> {
    organization::Entity::update_many()
        .col_expr(organization::Column::Name, Expr::value(name))
        .col_expr(organization::Column::Version, Expr::value(version))
        .col_expr(
            organization::Column::UpdatedAt,
            Expr::value(write.clock().business()),
        )
        .filter(organization::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Hangs an organization with all below it under another parent, and keeps the move.
pub(super) async fn set_parent(
    write: &Write<'_>,
    id: OrganizationId,
    from: OrganizationId,
    to: OrganizationId,
    effective_on: NaiveDate,
) -> Result<(), StoreError> {
    organization::Entity::update_many()
        .col_expr(organization::Column::ParentId, Expr::value(to))
        .filter(organization::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    // What stood above the subtree stands above it no more; then everything above the new parent does.
    execute(
        write,
        format!(
            "DELETE FROM organization_closure \
             WHERE descendant_id IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = {id}) \
             AND ancestor_id NOT IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = {id})",
            id = id.0
        ),
    )
    .await?;
    execute(
        write,
        format!(
            "INSERT INTO organization_closure (ancestor_id, descendant_id, depth) \
             SELECT above.ancestor_id, below.descendant_id, above.depth + below.depth + 1 \
             FROM organization_closure above, organization_closure below \
             WHERE above.descendant_id = {to} AND below.ancestor_id = {id}",
            id = id.0,
            to = to.0
        ),
    )
    .await?;
    organization_move::Entity::insert(organization_move::ActiveModel {
        id: NotSet,
        organization_id: Set(id),
        from_parent_id: Set(from),
        to_parent_id: Set(to),
        effective_on: Set(effective_on),
    })
    .exec_without_returning(write.connection())
    .await?;
    Ok(())
}

/// Whether one organization stands below another or is it.
pub(super) async fn is_below(
    write: &Write<'_>,
    below: OrganizationId,
    above: OrganizationId,
) -> Result<bool, StoreError> {
    Ok(organization_closure::Entity::find_by_id((above, below))
        .one(write.connection())
        .await?
        .is_some())
}

async fn execute(write: &Write<'_>, sql: String) -> Result<(), StoreError> {
    let connection = write.connection();
    connection
        .execute_raw(Statement::from_string(connection.get_database_backend(), sql))
        .await?;
    Ok(())
}

/// How many rows of the closure differ from what the parents say.
pub async fn verify_closure(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let sql = "WITH RECURSIVE tree (ancestor_id, descendant_id, depth) AS (\
                 SELECT id, id, 0 FROM organization \
                 UNION ALL \
                 SELECT tree.ancestor_id, child.id, tree.depth + 1 \
                 FROM tree JOIN organization child ON child.parent_id = tree.descendant_id\
               ) \
               SELECT (SELECT count(*) FROM (SELECT * FROM tree EXCEPT \
                         SELECT ancestor_id, descendant_id, depth FROM organization_closure) missing) \
                    + (SELECT count(*) FROM (SELECT ancestor_id, descendant_id, depth FROM organization_closure \
                         EXCEPT SELECT * FROM tree) surplus) AS differences";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
