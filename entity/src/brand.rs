//! Brand profile (支部品牌).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, BrandId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "brand")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: BrandId,
    pub branch_id: BranchId,
    pub name: String,
    pub search_text: String,
    pub slogan: Option<String>,
    pub description: String,
    pub results: Option<String>,
    pub state: String,
    pub return_reason: Option<String>,
    pub published_at: Option<DateTimeUtc>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
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
