//! Rows of head counts.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::headcount;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Alias, Expr, ExprTrait as _, Query},
};

use crate::{
    auth::Scope,
    kernel::id::{HeadcountId, OrganizationId},
    organization::model::{Headcount, HeadcountKind},
    storage::{
        ROW_LOCK, StoreError,
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Headcount {
    type Entity = headcount::Entity;

    const COLUMNS: &'static [headcount::Column] = &[
        headcount::Column::Id,
        headcount::Column::OrganizationId,
        headcount::Column::Kind,
        headcount::Column::Count,
        headcount::Column::AsOf,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            organization_id: cells.take()?,
            kind: cells.named("headcount.kind", HeadcountKind::parse)?,
            count: cells.take()?,
            as_of: cells.take()?,
        })
    }
}

/// Head counts by id.
pub async fn headcounts_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[HeadcountId],
) -> Result<HashMap<HeadcountId, Headcount>, StoreError> {
    let selection = headcount::Entity::find()
        .filter(scope.public())
        .filter(row::among(connection, headcount::Column::Id, ids));
    row::by_key(connection, selection, |row: &Headcount| row.id).await
}

/// The latest count of each organization and kind on or before a day.
pub async fn headcounts(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    organization: Option<OrganizationId>,
    kinds: Option<&[HeadcountKind]>,
    as_of: NaiveDate,
) -> Result<Vec<Headcount>, StoreError> {
    let later = Alias::new("later");
    let mut newer = Query::select();
    newer
        .expr(Expr::val(1))
        .from_as(headcount::Entity, later.clone())
        .and_where(
            Expr::col((later.clone(), headcount::Column::OrganizationId))
                .equals((headcount::Entity, headcount::Column::OrganizationId)),
        )
        .and_where(
            Expr::col((later.clone(), headcount::Column::Kind))
                .equals((headcount::Entity, headcount::Column::Kind)),
        )
        .and_where(Expr::col((later.clone(), headcount::Column::AsOf)).lte(as_of))
        .and_where(
            Expr::col((later, headcount::Column::AsOf))
                .gt(Expr::col((headcount::Entity, headcount::Column::AsOf))),
        );
    let mut select = headcount::Entity::find()
        .filter(scope.public())
        .filter(headcount::Column::AsOf.lte(as_of))
        .filter(Condition::all().not().add(Expr::exists(newer)));
    if let Some(organization) = organization {
        select = select.filter(headcount::Column::OrganizationId.eq(organization));
    }
    if let Some(kinds) = kinds {
        select = select.filter(headcount::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    let selection = select
        .order_by_asc(headcount::Column::OrganizationId)
        .order_by_asc(headcount::Column::Id);
    row::all(connection, selection).await
}

/// Keeps a count; one reported again for the same day takes the earlier one's place. Gives its id, and the
/// earlier count if there was one.
pub(in crate::organization) async fn put_headcount(
    write: &Write<'_>,
    organization: OrganizationId,
    kind: HeadcountKind,
    count: i32,
    as_of: NaiveDate,
) -> Result<(HeadcountId, Option<i32>), StoreError> {
    let earlier = headcount::Entity::find()
        .filter(headcount::Column::OrganizationId.eq(organization))
        .filter(headcount::Column::Kind.eq(kind.as_str()))
        .filter(headcount::Column::AsOf.eq(as_of))
        .lock(ROW_LOCK)
        .one(write.connection())
        .await?;
    if let Some(earlier) = earlier {
        headcount::Entity::update_many()
            .col_expr(headcount::Column::Count, Expr::value(count))
            .filter(headcount::Column::Id.eq(earlier.id))
            .exec(write.connection())
            .await?;
        return Ok((earlier.id, Some(earlier.count)));
    }
    let row = headcount::ActiveModel {
        id: NotSet,
        organization_id: Set(organization),
        kind: Set(kind.as_str().to_owned()),
        count: Set(count),
        as_of: Set(as_of),
    };
    let id = headcount::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id;
    Ok((id, None))
}
