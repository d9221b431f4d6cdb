//! An entry that could not be booked, kept whole.

use sea_orm::entity::prelude::*;

use crate::ids::{PointSourceId, QuarantinedEntryId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantined_entry")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: QuarantinedEntryId,
    pub source_id: PointSourceId,
    pub event_id: Option<String>,
    pub revision: Option<i32>,
    pub content: String,
    pub reason: String,
    pub detail: String,
    pub payload: String,
    pub branch_code: Option<String>,
    pub refers_to: Option<String>,
    pub retry_at: Option<DateTimeUtc>,
    pub received_at: DateTimeUtc,
    pub state: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
