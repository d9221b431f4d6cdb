//! Participants of a training as keyed hashes.

use sea_orm::entity::prelude::*;

use crate::ids::TrainingRecordId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "training_participant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub training_record_id: TrainingRecordId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub participant: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::training_record::Entity",
        from = "Column::TrainingRecordId",
        to = "super::training_record::Column::Id"
    )]
    TrainingRecord,
}

impl Related<super::training_record::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::TrainingRecord.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
