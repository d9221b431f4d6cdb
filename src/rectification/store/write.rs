//! Writing rectifications, and what decides about it.

use chrono::{Days, NaiveDate};
use entity::{rectification, rectification_step};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::{is_open, support_text};
use crate::{
    kernel::id::{BranchId, RectificationId},
    rectification::model::{RectificationState, StepTaken},
    rectification::record::Rectification,
    storage::{ROW_LOCK, StoreError, row, write::Write},
};

/// The row of a step, locked until its transaction ends; whoever calls has locked the branch before it.
pub async fn lock(write: &Write<'_>, id: RectificationId) -> Result<Option<Rectification>, StoreError> {
    let selection = rectification::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// What of a branch is still to be put right, locked in the order of their ids.
pub async fn lock_open_of(write: &Write<'_>, branch: BranchId) -> Result<Vec<Rectification>, StoreError> {
    let selection = rectification::Entity::find()
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(is_open())
        .order_by_asc(rectification::Column::Id)
        .lock(ROW_LOCK);
    row::all(write.connection(), selection).await
}

fn active_model(row: &Rectification) -> rectification::ActiveModel {
    rectification::ActiveModel {
        id: Set(row.id),
        branch_id: Set(row.branch_id),
        health_check_id: Set(row.health_check_id),
        origin: Set(row.origin.as_str().to_owned()),
        aspect: Set(row.aspect.as_str().to_owned()),
        item_code: Set(row.item_code.clone()),
        title: Set(row.title.clone()),
        prescription: Set(row.prescription.clone()),
        support: Set(support_text(&row.support)),
        severity: Set(row.severity.as_str().to_owned()),
        state: Set(row.state.as_str().to_owned()),
        raised_on: Set(row.raised_on),
        due_on: Set(row.due_on),
        closed_on: Set(row.closed_on),
        next_review_on: Set(row.next_review_on),
        submitted_by: Set(row.submitted_by.clone()),
        version: Set(row.version),
        updated_at: Set(row.updated_at),
    }
}

/// A new rectification; the id it carries is not looked at.
pub async fn insert(write: &Write<'_>, row: &Rectification) -> Result<RectificationId, StoreError> {
    let row = rectification::ActiveModel {
        id: NotSet,
        ..active_model(row)
    };
    Ok(rectification::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Writes a rectification as it stands after a step.
pub async fn save(write: &Write<'_>, row: &Rectification) -> Result<(), StoreError> {
    let id = row.id;
    let row = rectification::ActiveModel {
        id: NotSet,
        ..active_model(row)
    };
    rectification::Entity::update_many()
        .set(row)
        .filter(rectification::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// One step more.
pub async fn insert_step(write: &Write<'_>, step: &StepTaken) -> Result<(), StoreError> {
    let row = rectification_step::ActiveModel {
        id: NotSet,
        rectification_id: Set(step.rectification_id),
        state: Set(step.state.as_str().to_owned()),
        at: Set(step.at),
        by: Set(step.by.clone()),
        note: Set(step.note.clone()),
    };
    rectification_step::Entity::insert(row)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// Whether somebody has ever submitted it.
pub async fn has_submitted(
    connection: &impl ConnectionTrait,
    id: RectificationId,
    subject: &str,
) -> Result<bool, StoreError> {
    let submitted = rectification_step::Entity::find()
        .filter(rectification_step::Column::RectificationId.eq(id))
        .filter(rectification_step::Column::State.eq(RectificationState::Submitted.as_str()))
        .filter(rectification_step::Column::By.eq(subject))
        .count(connection)
        .await?;
    Ok(submitted > 0)
}

/// Whether something about an item is still to be put right by a branch.
pub async fn open_for_item(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    item: &str,
) -> Result<bool, StoreError> {
    let open = rectification::Entity::find()
        .filter(rectification::Column::BranchId.eq(branch))
        .filter(rectification::Column::ItemCode.eq(item))
        .filter(is_open())
        .count(connection)
        .await?;
    Ok(open > 0)
}

/// What is still to be put right and whose light on one day differs from that on another, by id.
pub async fn whose_light_moved(
    connection: &impl ConnectionTrait,
    from: NaiveDate,
    to: NaiveDate,
    amber_days: u32,
) -> Result<Vec<Rectification>, StoreError> {
    let (earlier, later) = if from <= to { (from, to) } else { (to, from) };
    let soon = |day: NaiveDate| {
        day.checked_add_days(Days::new(amber_days.into()))
            .unwrap_or(NaiveDate::MAX)
    };
    // It became red, or amber: its due day lies where the border went over it.
    let red = Condition::all()
        .add(rectification::Column::DueOn.gte(earlier))
        .add(rectification::Column::DueOn.lt(later));
    let amber = Condition::all()
        .add(rectification::Column::DueOn.gt(soon(earlier)))
        .add(rectification::Column::DueOn.lte(soon(later)));
    let selection = rectification::Entity::find()
        .filter(is_open())
        .filter(Condition::any().add(red).add(amber))
        .order_by_asc(rectification::Column::Id);
    row::all(connection, selection).await
}
