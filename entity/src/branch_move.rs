//! Dated history of moves between organizations.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, OrganizationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "branch_move")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub branch_id: BranchId,
    pub from_organization_id: OrganizationId,
    pub to_organization_id: OrganizationId,
    pub effective_on: Date,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::BranchId",
        to = "super::branch::Column::Id"
    )]
    Branch,
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::FromOrganizationId",
        to = "super::organization::Column::Id"
    )]
    FromOrganization,
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::ToOrganizationId",
        to = "super::organization::Column::Id"
    )]
    ToOrganization,
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Branch.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
