//! What happened on a platform: the greatest booked revision, or only a name that an entry gave.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PointEventId, PointSourceId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "point_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PointEventId,
    pub source_id: PointSourceId,
    pub event_id: String,
    pub kind: String,
    pub revision: Option<i32>,
    pub branch_id: Option<BranchId>,
    pub points: Option<i64>,
    pub occurred_at: Option<DateTimeUtc>,
    pub refers_to: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
