//! Dated history of moves in the tree.

use sea_orm::entity::prelude::*;

use crate::ids::OrganizationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_move")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub organization_id: OrganizationId,
    pub from_parent_id: OrganizationId,
    pub to_parent_id: OrganizationId,
    pub effective_on: Date,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::OrganizationId",
        to = "super::organization::Column::Id"
    )]
    Organization,
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::FromParentId",
        to = "super::organization::Column::Id"
    )]
    FromParent,
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::ToParentId",
        to = "super::organization::Column::Id"
    )]
    ToParent,
}

impl ActiveModelBehavior for ActiveModel {}
