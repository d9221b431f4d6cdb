//! Branches that took part in an activity.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PairingActivityId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairing_activity_branch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub activity_id: PairingActivityId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub branch_id: BranchId,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::pairing_activity::Entity",
        from = "Column::ActivityId",
        to = "super::pairing_activity::Column::Id"
    )]
    Activity,
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::BranchId",
        to = "super::branch::Column::Id"
    )]
    Branch,
}

impl Related<super::pairing_activity::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Activity.def()
    }
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Branch.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
