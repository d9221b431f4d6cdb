//! District, committee or general branch (区委、基层党(工)委、党总支).

use sea_orm::entity::prelude::*;

use crate::ids::OrganizationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: OrganizationId,
    pub code: String,
    pub name: String,
    pub kind: String,
    pub parent_id: Option<OrganizationId>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::ParentId",
        to = "super::organization::Column::Id"
    )]
    Parent,
}

impl ActiveModelBehavior for ActiveModel {}
