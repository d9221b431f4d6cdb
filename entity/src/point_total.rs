//! Points of a branch in a period, kept with the ledger.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, OrganizationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "point_total")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub branch_id: BranchId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: i32,
    pub total: i64,
    pub event_count: i64,
    pub domain: Option<String>,
    pub organization_id: Option<OrganizationId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
