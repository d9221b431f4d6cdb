//! A branch committee's term of office (届).

use sea_orm::entity::prelude::*;

use crate::ids::BranchId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "branch_term")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub branch_id: BranchId,
    pub elected_on: Date,
    pub ends_on: Date,
    pub extended_to: Option<Date>,
    pub on_time: Option<bool>,
    pub election_document: Option<String>,
    pub extension_document: Option<String>,
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
