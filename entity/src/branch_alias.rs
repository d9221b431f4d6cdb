//! Another code or name by which a branch is or was known.

use sea_orm::entity::prelude::*;

use crate::ids::BranchId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "branch_alias")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub branch_id: BranchId,
    pub code: String,
    pub source_code: String,
    pub since: Date,
    pub until: Option<Date>,
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
