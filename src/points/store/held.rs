//! What branches held that points were earned with.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use entity::{point_entry, point_event};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::{Alias, Expr, ExprTrait as _, Query},
};

use crate::{
    kernel::{
        clock::{day_in_shanghai, midnight_in_shanghai},
        id::BranchId,
    },
    points::model::{Activity, EntryKind},
    storage::{StoreError, row},
};

/// The days, from one to another, on which any of the branches held what it earned points with: EARN events at their greatest
/// revision that no REVERSAL names, by the day in Asia/Shanghai on which they happened.
pub async fn activities_held(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
    (from, to): (NaiveDate, NaiveDate),
) -> Result<HashMap<Activity, Vec<NaiveDate>>, StoreError> {
    let until = to.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    let event = |column| Expr::col((point_event::Entity, column));
    let entry = |column| Expr::col((point_entry::Entity, column));
    // The revision that counts, booked as the entry says.
    let counts = Query::select()
        .expr(Expr::val(1))
        .from(point_event::Entity)
        .and_where(event(point_event::Column::SourceId).eq(entry(point_entry::Column::SourceId)))
        .and_where(event(point_event::Column::EventId).eq(entry(point_entry::Column::EventId)))
        .and_where(event(point_event::Column::Kind).eq(EntryKind::Earn.as_str()))
        .and_where(event(point_event::Column::Revision).eq(entry(point_entry::Column::Revision)))
        .take();
    let reversal = Alias::new("reversal");
    let of_reversal = |column| Expr::col((reversal.clone(), column));
    let reversed = Query::select()
        .expr(Expr::val(1))
        .from_as(point_event::Entity, reversal.clone())
        .and_where(of_reversal(point_event::Column::SourceId).eq(entry(point_entry::Column::SourceId)))
        .and_where(of_reversal(point_event::Column::RefersTo).eq(entry(point_entry::Column::EventId)))
        .and_where(of_reversal(point_event::Column::RefersTo).is_not_null())
        .and_where(of_reversal(point_event::Column::Kind).eq(EntryKind::Reversal.as_str()))
        .take();
    let rows: Vec<(String, chrono::DateTime<chrono::Utc>)> = point_entry::Entity::find()
        .select_only()
        .columns([point_entry::Column::Activity, point_entry::Column::OccurredAt])
        .filter(row::among(connection, point_entry::Column::BranchId, branches))
        .filter(point_entry::Column::OccurredAt.gte(midnight_in_shanghai(from)))
        .filter(point_entry::Column::OccurredAt.lt(midnight_in_shanghai(until)))
        .filter(point_entry::Column::Kind.eq(EntryKind::Earn.as_str()))
        .filter(Expr::exists(counts))
        .filter(Expr::exists(reversed).not())
        .into_tuple()
        .all(connection)
        .await?;
    let mut held: HashMap<Activity, Vec<NaiveDate>> = HashMap::new();
    for (activity, at) in rows {
        let activity = Activity::parse(&activity)
            .ok_or_else(|| StoreError::corrupt("point_entry.activity", &activity))?;
        held.entry(activity).or_default().push(day_in_shanghai(at));
    }
    Ok(held)
}
