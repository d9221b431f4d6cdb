//! What an entry changed in a branch's totals; append-only.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, PointEntryId, PostingId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posting")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PostingId,
    pub entry_id: PointEntryId,
    pub branch_id: BranchId,
    pub counted_at: DateTimeUtc,
    pub amount: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
