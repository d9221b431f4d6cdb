//! What a check found of one item.

use sea_orm::entity::prelude::*;

use crate::ids::HealthCheckId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_result")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub health_check_id: HealthCheckId,
    pub position: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub item_code: String,
    pub self_verdict: String,
    pub verdict: String,
    pub score: Option<i32>,
    pub overruled: bool,
    pub computed: Option<String>,
    pub evidence: String,
    pub note: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
