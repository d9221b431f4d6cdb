//! The hash chain over the audit entries, in change-log order; append-only.

use sea_orm::entity::prelude::*;

use crate::ids::AuditEntryId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_seal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub audit_entry_id: AuditEntryId,
    pub hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::audit_entry::Entity",
        from = "Column::AuditEntryId",
        to = "super::audit_entry::Column::Id"
    )]
    AuditEntry,
}

impl Related<super::audit_entry::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::AuditEntry.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
