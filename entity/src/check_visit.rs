//! A visit of an examiner (四个一).

use sea_orm::entity::prelude::*;

use crate::ids::HealthCheckId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_visit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub health_check_id: HealthCheckId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    pub visited_on: Date,
    pub summary: String,
    pub recorded_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
