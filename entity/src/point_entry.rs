//! A line of the ledger; append-only.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PointEntryId, PointSourceId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "point_entry")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PointEntryId,
    pub source_id: PointSourceId,
    pub event_id: String,
    pub revision: i32,
    pub kind: String,
    pub branch_id: BranchId,
    pub branch_code: String,
    pub activity: String,
    pub points: i64,
    pub occurred_at: DateTimeUtc,
    pub received_at: DateTimeUtc,
    pub refers_to: Option<String>,
    pub note: Option<String>,
    pub document_number: Option<String>,
    pub content: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
