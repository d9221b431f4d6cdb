//! A gold title (金牌): the branch is gold while a title is not revoked.

use sea_orm::entity::prelude::*;

use crate::ids::BranchId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gold_title")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub branch_id: BranchId,
    pub awarded_on: Date,
    pub revoked_on: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::BranchId",
        to = "super::branch::Column::Id"
    )]
    Branch,
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Branch.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
