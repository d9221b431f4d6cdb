//! What changed, in the transaction that changed it: the truth behind every feed and cursor.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_log")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub incarnation: i64,
    pub xid: i64,
    pub at: DateTimeUtc,
    pub topic: String,
    pub action: String,
    pub node_type: String,
    pub node_id: i64,
    pub version: Option<i32>,
    pub branch_ids: String,
    pub organization_ids: String,
    pub source_code: Option<String>,
    pub public: bool,
    pub examiner_ids: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
