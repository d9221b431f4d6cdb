//! One reading of a platform, from its position to the end.

use sea_orm::entity::prelude::*;

use crate::ids::{PointSourceId, PullRunId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pull_run")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PullRunId,
    pub source_id: PointSourceId,
    pub fence: Option<i64>,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub pages: i32,
    pub accepted: i32,
    pub duplicates: i32,
    pub conflicts: i32,
    pub quarantined: i32,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
