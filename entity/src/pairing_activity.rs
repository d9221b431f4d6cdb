//! Activities of a pairing.

use sea_orm::entity::prelude::*;

use crate::ids::{PairingActivityId, PairingId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairing_activity")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PairingActivityId,
    pub pairing_id: PairingId,
    pub held_on: Date,
    pub topic: String,
    pub outcome: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::pairing::Entity",
        from = "Column::PairingId",
        to = "super::pairing::Column::Id"
    )]
    Pairing,
}

impl Related<super::pairing::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Pairing.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
