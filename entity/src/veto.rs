//! A serious negative fact (一票否决).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, VetoId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "veto")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: VetoId,
    pub branch_id: BranchId,
    pub kind: String,
    pub occurred_on: Date,
    pub document_number: String,
    pub lifted_on: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
