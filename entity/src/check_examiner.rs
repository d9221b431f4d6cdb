//! Who is assigned to a health check.

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
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::health_check::Entity",
        from = "Column::HealthCheckId",
        to = "super::health_check::Column::Id"
    )]
    HealthCheck,
    #[sea_orm(
        belongs_to = "super::examiner::Entity",
        from = "Column::ExaminerId",
        to = "super::examiner::Column::Id"
    )]
    Examiner,
}

impl Related<super::health_check::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::HealthCheck.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
