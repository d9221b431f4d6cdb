//! Branches that took part in a training.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, TrainingRecordId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "training_branch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub training_record_id: TrainingRecordId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub branch_id: BranchId,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::training_record::Entity",
        from = "Column::TrainingRecordId",
        to = "super::training_record::Column::Id"
    )]
    TrainingRecord,
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::BranchId",
        to = "super::branch::Column::Id"
    )]
    Branch,
}

impl Related<super::training_record::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::TrainingRecord.def()
    }
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Branch.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
