//! Aggregate counts an organization reports, never people.

use sea_orm::entity::prelude::*;

use crate::ids::{HeadcountId, OrganizationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "headcount")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: HeadcountId,
    pub organization_id: OrganizationId,
    pub kind: String,
    pub count: i32,
    pub as_of: Date,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::OrganizationId",
        to = "super::organization::Column::Id"
    )]
    Organization,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
