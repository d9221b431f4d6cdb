//! Rows of activities.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{pairing, pairing_activity, pairing_activity_branch, pairing_member};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select,
    sea_query::Expr,
};
use serde_json::json;

use super::visible;
use crate::{
    auth::Scope,
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, PairingActivityId, PairingId},
        page::{Page, PageArgs, PageError},
    },
    pairing::model::{PairingActivity, PairingState},
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for PairingActivity {
    type Entity = pairing_activity::Entity;

    const COLUMNS: &'static [pairing_activity::Column] = &[
        pairing_activity::Column::Id,
        pairing_activity::Column::PairingId,
        pairing_activity::Column::HeldOn,
        pairing_activity::Column::Topic,
        pairing_activity::Column::Outcome,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            pairing_id: cells.take()?,
            held_on: cells.take()?,
            topic: cells.take()?,
            outcome: cells.optional()?,
        })
    }
}

/// Activities of the pairings that a caller may see.
fn visible_activities(scope: &Scope) -> Select<pairing_activity::Entity> {
    pairing_activity::Entity::find().filter(
        pairing_activity::Column::PairingId.in_subquery(
            visible(scope)
                .select_only()
                .column(pairing::Column::Id)
                .into_query(),
        ),
    )
}

fn latest_activity_first() -> Keyset {
    Keyset::new(
        "pairing_activity.held",
        [
            KeyColumn::desc(Expr::col(pairing_activity::Column::HeldOn), KeyKind::Day),
            KeyColumn::desc(Expr::col(pairing_activity::Column::Id), KeyKind::Int),
        ],
    )
}

/// Activities by id, those of pairings the caller may see.
pub async fn activities_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[PairingActivityId],
) -> Result<HashMap<PairingActivityId, PairingActivity>, StoreError> {
    let selection =
        visible_activities(scope).filter(row::among(connection, pairing_activity::Column::Id, ids));
    row::by_key(connection, selection, |row: &PairingActivity| row.id).await
}

/// Checks page arguments of activities before they reach a loader.
pub fn check_activity_page(args: &PageArgs) -> Result<(), PageError> {
    latest_activity_first().check(args).map(drop)
}

/// A page of the activities of each pairing, latest first.
pub async fn activities(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    pairings: &[PairingId],
    args: &PageArgs,
) -> Result<HashMap<PairingId, Page<PairingActivity>>, ListError> {
    let order = latest_activity_first();
    let request = order.check(args)?;
    let select = visible_activities(scope).filter(row::among(
        connection,
        pairing_activity::Column::PairingId,
        pairings,
    ));
    let pages = order
        .pages(
            connection,
            select,
            Expr::col(pairing_activity::Column::PairingId),
            &request,
            |row: &PairingActivity| vec![json!(row.held_on), json!(row.id)],
        )
        .await?;
    Ok(pages)
}

/// How many activities each pairing has.
pub async fn count_activities(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    pairings: &[PairingId],
) -> Result<HashMap<PairingId, u64>, StoreError> {
    let select = visible_activities(scope).filter(row::among(
        connection,
        pairing_activity::Column::PairingId,
        pairings,
    ));
    keyset::counts(connection, select, Expr::col(pairing_activity::Column::PairingId)).await
}

/// The branches that took part in each activity; for activities that were read by scope.
pub async fn activity_branches(
    connection: &impl ConnectionTrait,
    ids: &[PairingActivityId],
) -> Result<HashMap<PairingActivityId, Vec<BranchId>>, StoreError> {
    let rows = pairing_activity_branch::Entity::find()
        .filter(row::among(
            connection,
            pairing_activity_branch::Column::ActivityId,
            ids,
        ))
        .order_by_asc(pairing_activity_branch::Column::ActivityId)
        .order_by_asc(pairing_activity_branch::Column::BranchId)
        .all(connection)
        .await?;
    let mut branches: HashMap<PairingActivityId, Vec<BranchId>> = HashMap::new();
    for row in rows {
        branches.entry(row.activity_id).or_default().push(row.branch_id);
    }
    Ok(branches)
}

/// A new activity with the branches that took part; the id it carries is not looked at.
pub async fn insert_activity(
    write: &Write<'_>,
    activity: &PairingActivity,
    branches: &[BranchId],
) -> Result<PairingActivityId, StoreError> {
    let row = pairing_activity::ActiveModel {
        id: NotSet,
        ..active_model(activity)
    };
    let id = pairing_activity::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id;
    insert_took_part(write, id, branches).await?;
    Ok(id)
}

fn active_model(activity: &PairingActivity) -> pairing_activity::ActiveModel {
    pairing_activity::ActiveModel {
        id: Set(activity.id),
        pairing_id: Set(activity.pairing_id),
        held_on: Set(activity.held_on),
        topic: Set(activity.topic.clone()),
        outcome: Set(activity.outcome.clone()),
    }
}

async fn insert_took_part(
    write: &Write<'_>,
    id: PairingActivityId,
    branches: &[BranchId],
) -> Result<(), StoreError> {
    let rows = branches
        .iter()
        .map(|branch| pairing_activity_branch::ActiveModel {
            activity_id: Set(id),
            branch_id: Set(*branch),
        });
    pairing_activity_branch::Entity::insert_many(rows)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// What a branch does in the pairings that are active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participation {
    /// The day on which the earliest of them began: that of its plan, or later, when it had been accepted and approved; none where it
    /// is in none.
    pub since: Option<NaiveDate>,
    /// Days of their activities that it took part in, in no order.
    pub days: Vec<NaiveDate>,
}

/// How a branch takes part in the active pairings that it has not left.
pub async fn participation(
    connection: &impl ConnectionTrait,
    branch: BranchId,
) -> Result<Participation, StoreError> {
    let member = pairing_member::Entity::find()
        .select_only()
        .column(pairing_member::Column::PairingId)
        .filter(pairing_member::Column::BranchId.eq(branch))
        .filter(pairing_member::Column::LeftOn.is_null());
    let active: Vec<(PairingId, NaiveDate, Option<DateTime<Utc>>)> = pairing::Entity::find()
        .select_only()
        .columns([
            pairing::Column::Id,
            pairing::Column::StartsOn,
            pairing::Column::ApprovedAt,
        ])
        .filter(pairing::Column::State.eq(PairingState::Active.as_str()))
        .filter(pairing::Column::Id.in_subquery(member.into_query()))
        .into_tuple()
        .all(connection)
        .await?;
    if active.is_empty() {
        return Ok(Participation::default());
    }
    let ids: Vec<PairingId> = active.iter().map(|(id, ..)| *id).collect();
    // It is active from when the last of its members had accepted it, and it was approved.
    let accepted: Vec<(PairingId, Option<DateTime<Utc>>)> = pairing_member::Entity::find()
        .select_only()
        .columns([
            pairing_member::Column::PairingId,
            pairing_member::Column::AcceptedAt,
        ])
        .filter(row::among(connection, pairing_member::Column::PairingId, &ids))
        .into_tuple()
        .all(connection)
        .await?;
    let joined = active.into_iter().map(|(id, starts_on, approved_at)| {
        let accepted = accepted.iter().filter(|(of, _)| *of == id).map(|(_, at)| *at);
        let begun = accepted.chain([approved_at]).flatten().max();
        starts_on.max(begun.map_or(starts_on, day_in_shanghai))
    });
    let since = joined.min();
    let took_part = pairing_activity_branch::Entity::find()
        .select_only()
        .column(pairing_activity_branch::Column::ActivityId)
        .filter(pairing_activity_branch::Column::BranchId.eq(branch));
    let days = pairing_activity::Entity::find()
        .select_only()
        .column(pairing_activity::Column::HeldOn)
        .filter(row::among(connection, pairing_activity::Column::PairingId, &ids))
        .filter(pairing_activity::Column::Id.in_subquery(took_part.into_query()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(Participation { since, days })
}
