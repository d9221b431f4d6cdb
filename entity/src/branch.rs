//! Party branch (党支部).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, OrganizationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "branch")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: BranchId,
    pub code: String,
    pub name: String,
    pub search_text: String,
    pub domain: String,
    pub form: String,
    pub status: String,
    pub organization_id: OrganizationId,
    pub founded_on: Date,
    pub ended_on: Option<Date>,
    pub successor_id: Option<BranchId>,
    pub member_count: i32,
    pub contact_phone: Option<String>,
    pub term_ends_on: Option<Date>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
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
        belongs_to = "super::branch::Entity",
        from = "Column::SuccessorId",
        to = "super::branch::Column::Id"
    )]
    Successor,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
