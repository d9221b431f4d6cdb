//! Who examines a check.

use sea_orm::entity::prelude::*;

use crate::ids::{ExaminerId, HealthCheckId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_examiner")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub health_check_id: HealthCheckId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub examiner_id: ExaminerId,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
