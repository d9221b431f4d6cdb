//! How far a platform has been read, and how it stands.

use sea_orm::entity::prelude::*;

use crate::ids::{PointSourceId, PullRunId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pull_state")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: PointSourceId,
    pub paused: bool,
    pub fence: i64,
    pub run_id: Option<PullRunId>,
    pub rest: String,
    pub failures: i32,
    pub next_pull_at: DateTimeUtc,
    pub last_success_at: Option<DateTimeUtc>,
    pub last_error: Option<String>,
    pub position_at: Option<DateTimeUtc>,
    pub position_text: Option<String>,
    pub position_id: Option<String>,
    pub reread_on: Option<Date>,
    pub reread_from: Option<DateTimeUtc>,
    pub reconciled_on: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
