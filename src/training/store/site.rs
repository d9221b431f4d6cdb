//! Rows of sites.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::site;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, Select,
    sea_query::Expr,
};
use serde_json::json;

use super::super::model::{Site, SiteKind};
use crate::{
    auth::{Scope, subtree},
    kernel::{
        id::{OrganizationId, SiteId},
        page::{Page, PageArgs, PageError},
    },
    storage::{
        ROW_LOCK, StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Site {
    type Entity = site::Entity;

    const COLUMNS: &'static [site::Column] = &[
        site::Column::Id,
        site::Column::Name,
        site::Column::Kind,
        site::Column::OrganizationId,
        site::Column::UpgradedOn,
        site::Column::Version,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            name: cells.take()?,
            kind: cells.named("site.kind", SiteKind::parse)?,
            organization_id: cells.take()?,
            upgraded_on: cells.optional()?,
            version: cells.take()?,
        })
    }
}

/// Sites by id, for everybody signed in.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[SiteId],
) -> Result<HashMap<SiteId, Site>, StoreError> {
    let selection =
        site::Entity::find()
            .filter(scope.public())
            .filter(row::among(connection, site::Column::Id, ids));
    row::by_key(connection, selection, |row: &Site| row.id).await
}

/// What a list of sites is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SiteFilter {
    /// Of this organization or one below it.
    pub organization: Option<OrganizationId>,
    /// Of these kinds.
    pub kinds: Option<Vec<SiteKind>>,
    /// Brought up to standard on this day or later.
    pub upgraded_from: Option<NaiveDate>,
    /// Brought up to standard on this day or earlier.
    pub upgraded_to: Option<NaiveDate>,
}

fn filtered(scope: &Scope, filter: &SiteFilter) -> Select<site::Entity> {
    let mut select = site::Entity::find().filter(scope.public());
    if let Some(top) = filter.organization {
        select = select.filter(site::Column::OrganizationId.in_subquery(subtree(top)));
    }
    if let Some(kinds) = &filter.kinds {
        select = select.filter(site::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(from) = filter.upgraded_from {
        select = select.filter(site::Column::UpgradedOn.gte(from));
    }
    if let Some(to) = filter.upgraded_to {
        select = select.filter(site::Column::UpgradedOn.lte(to));
    }
    select
}

fn by_name() -> Keyset {
    Keyset::new(
        "site.name",
        [
            KeyColumn::asc(Expr::col((site::Entity, site::Column::Name)), KeyKind::Text),
            KeyColumn::asc(Expr::col((site::Entity, site::Column::Id)), KeyKind::Int),
        ],
    )
}

/// Checks page arguments of sites before anything is read.
pub fn check_page(args: &PageArgs) -> Result<(), PageError> {
    by_name().check(args).map(drop)
}

/// A page of sites by name.
pub async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &SiteFilter,
    args: &PageArgs,
) -> Result<Page<Site>, ListError> {
    let order = by_name();
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(scope, filter), &request, |row: &Site| {
            vec![json!(row.name), json!(row.id)]
        })
        .await?;
    Ok(page)
}

/// How many there are.
pub async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &SiteFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}

/// The row of a mutation, locked until its transaction ends.
pub async fn lock(write: &Write<'_>, id: SiteId) -> Result<Option<Site>, StoreError> {
    let selection = site::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// A new site.
pub async fn insert(
    write: &Write<'_>,
    name: &str,
    kind: SiteKind,
    organization: OrganizationId,
    upgraded_on: Option<NaiveDate>,
) -> Result<SiteId, StoreError> {
    let row = site::ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        kind: Set(kind.as_str().to_owned()),
        organization_id: Set(organization),
        upgraded_on: Set(upgraded_on),
        version: Set(1),
    };
    Ok(site::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Writes a site as it is to stand.
pub async fn update(write: &Write<'_>, site: &Site) -> Result<(), StoreError> {
    site::Entity::update_many()
        .col_expr(site::Column::Name, Expr::value(site.name.clone()))
        .col_expr(site::Column::Kind, Expr::value(site.kind.as_str()))
        .col_expr(site::Column::OrganizationId, Expr::value(site.organization_id))
        .col_expr(site::Column::UpgradedOn, Expr::value(site.upgraded_on))
        .col_expr(site::Column::Version, Expr::value(site.version))
        .filter(site::Column::Id.eq(site.id))
        .exec(write.connection())
        .await?;
    Ok(())
}
