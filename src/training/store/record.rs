//! Writing training records, the branches that took part and the hashes of those who did.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use entity::{training_branch, training_participant, training_record};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::Expr,
};

use super::super::{
    model::{QuarterHours, TrainingAudience, TrainingKind, TrainingRecord},
    participant::Participant,
};
use crate::{
    kernel::id::{BranchId, OrganizationId, SiteId, TrainingRecordId},
    storage::{ROW_LOCK, StoreError, row, write::Write},
};

/// Rows in one INSERT; two columns each, far below what either database binds (32,766 on SQLite).
const INSERT_CHUNK: usize = 5000;

/// The row of a mutation, locked until its transaction ends.
pub async fn lock(write: &Write<'_>, id: TrainingRecordId) -> Result<Option<TrainingRecord>, StoreError> {
    let selection = training_record::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// A record that has no id yet.
pub struct NewRecord<'a> {
    /// What it was about.
    pub topic: &'a str,
    /// How it was held.
    pub kind: TrainingKind,
    /// For whom.
    pub audience: TrainingAudience,
    /// The day it was held.
    pub held_on: NaiveDate,
    /// Credit hours.
    pub hours: QuarterHours,
    /// Who held it.
    pub organizer: OrganizationId,
    /// Where, if at a site.
    pub site: Option<SiteId>,
    /// How many came.
    pub attendee_count: i32,
}

/// A new record, still without branches and participants.
pub async fn insert(write: &Write<'_>, record: NewRecord<'_>) -> Result<TrainingRecordId, StoreError> {
    let row = training_record::ActiveModel {
        id: NotSet,
        topic: Set(record.topic.to_owned()),
        kind: Set(record.kind.as_str().to_owned()),
        audience: Set(record.audience.as_str().to_owned()),
        held_on: Set(record.held_on),
        quarter_hours: Set(record.hours.quarters()),
        organizer_id: Set(record.organizer),
        site_id: Set(record.site),
        attendee_count: Set(record.attendee_count),
        version: Set(1),
    };
    Ok(training_record::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// Writes what can be corrected of a record.
pub async fn update(write: &Write<'_>, record: &TrainingRecord) -> Result<(), StoreError> {
    training_record::Entity::update_many()
        .col_expr(training_record::Column::Topic, Expr::value(record.topic.clone()))
        .col_expr(training_record::Column::HeldOn, Expr::value(record.held_on))
        .col_expr(
            training_record::Column::QuarterHours,
            Expr::value(record.hours.quarters()),
        )
        .col_expr(training_record::Column::SiteId, Expr::value(record.site_id))
        .col_expr(
            training_record::Column::AttendeeCount,
            Expr::value(record.attendee_count),
        )
        .col_expr(training_record::Column::Version, Expr::value(record.version))
        .filter(training_record::Column::Id.eq(record.id))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// The branches that took part, in the place of those that stood there.
pub async fn put_branches(
    write: &Write<'_>,
    id: TrainingRecordId,
    branches: &[BranchId],
) -> Result<(), StoreError> {
    training_branch::Entity::delete_many()
        .filter(training_branch::Column::TrainingRecordId.eq(id))
        .exec(write.connection())
        .await?;
    for chunk in branches.chunks(INSERT_CHUNK) {
        let rows = chunk.iter().map(|&branch| training_branch::ActiveModel {
            training_record_id: Set(id),
            branch_id: Set(branch),
        });
        training_branch::Entity::insert_many(rows)
            .exec_without_returning(write.connection())
            .await?;
    }
    Ok(())
}

/// The participants, in the place of those that stood there.
pub async fn put_participants(
    write: &Write<'_>,
    id: TrainingRecordId,
    participants: &BTreeSet<Participant>,
) -> Result<(), StoreError> {
    training_participant::Entity::delete_many()
        .filter(training_participant::Column::TrainingRecordId.eq(id))
        .exec(write.connection())
        .await?;
    let participants: Vec<&Participant> = participants.iter().collect();
    for chunk in participants.chunks(INSERT_CHUNK) {
        let rows = chunk.iter().map(|participant| training_participant::ActiveModel {
            training_record_id: Set(id),
            participant: Set(participant.as_bytes().to_vec()),
        });
        training_participant::Entity::insert_many(rows)
            .exec_without_returning(write.connection())
            .await?;
    }
    Ok(())
}

/// Removes a record with its branches and participants.
pub async fn remove(write: &Write<'_>, id: TrainingRecordId) -> Result<(), StoreError> {
    put_branches(write, id, &[]).await?;
    put_participants(write, id, &BTreeSet::new()).await?;
    training_record::Entity::delete_by_id(id)
        .exec(write.connection())
        .await?;
    Ok(())
}
