//! Pairing (结对共建).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PairingId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairing")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PairingId,
    pub form: String,
    pub basis: String,
    pub title: String,
    pub goal: Option<String>,
    pub year: i32,
    pub state: String,
    pub starts_on: Date,
    pub ends_on: Option<Date>,
    pub proposed_by_id: Option<BranchId>,
    pub approved_at: Option<DateTimeUtc>,
    pub end_reason: Option<String>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::branch::Entity",
        from = "Column::ProposedById",
        to = "super::branch::Column::Id"
    )]
    ProposedBy,
}

impl Related<super::branch::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::ProposedBy.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
