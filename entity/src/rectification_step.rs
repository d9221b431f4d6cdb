//! A step of a rectification.

use sea_orm::entity::prelude::*;

use crate::ids::RectificationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rectification_step")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub rectification_id: RectificationId,
    pub state: String,
    pub at: DateTimeUtc,
    pub by: String,
    pub note: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
