//! Members of a pairing.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PairingId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairing_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub pairing_id: PairingId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub branch_id: BranchId,
    pub role: String,
    pub position: i32,
    pub accepted_at: Option<DateTimeUtc>,
    pub left_on: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::pairing::Entity",
        from = "Column::PairingId",
        to = "super::pairing::Column::Id"
    )]
    Pairing,
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::BranchId",
        to = "super::branch::Column::Id"
    )]
    Branch,
}

impl Related<super::pairing::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Pairing.def()
    }
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Branch.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
