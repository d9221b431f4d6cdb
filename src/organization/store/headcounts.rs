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
    storage::{ROW_LOCK, StoreError, write::Write},
};

fn model(row: headcount::Model) -> Result<Headcount, StoreError> {
    Ok(Headcount {
        id: row.id,
        organization_id: row.organization_id,
        kind: HeadcountKind::parse(&row.kind)
            .ok_or_else(|| StoreError::corrupt("headcount.kind", &row.kind))?,
        count: row.count,
        as_of: row.as_of,
    })
}

/// Head counts by id.
pub async fn headcounts_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[HeadcountId],
) -> Result<HashMap<HeadcountId, Headcount>, StoreError> {
    headcount::Entity::find()
        .filter(scope.public())
        .filter(headcount::Column::Id.is_in(ids.iter().copied()))
        .all(connection)
        .await?
        .into_iter()
        .map(|row| Ok((row.id, model(row)?)))
        .collect()
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
    select
        .order_by_asc(headcount::Column::OrganizationId)
        .order_by_asc(headcount::Column::Id)
        .all(connection)
        .await?
        .into_iter()
        .map(model)
        .collect()
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
