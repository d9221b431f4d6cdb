//! Who did what: one row a mutation, import or export; append-only.

use sea_orm::entity::prelude::*;

use crate::ids::AuditEntryId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: AuditEntryId,
    pub xid: i64,
    pub at: DateTimeUtc,
    pub subject: String,
    pub role: Option<String>,
    pub action: String,
    pub node_id: Option<String>,
    pub request_id: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
