//! A problem to be put right (问题整改).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, HealthCheckId, RectificationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rectification")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: RectificationId,
    pub branch_id: BranchId,
    pub health_check_id: Option<HealthCheckId>,
    pub origin: String,
    pub aspect: String,
    pub item_code: Option<String>,
    pub title: String,
    pub prescription: Option<String>,
    pub support: String,
    pub severity: String,
    pub state: String,
    pub raised_on: Date,
    pub due_on: Date,
    pub closed_on: Option<Date>,
    pub next_review_on: Option<Date>,
    pub submitted_by: Option<String>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
