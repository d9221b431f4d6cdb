//! A step of an application for gold.

use sea_orm::entity::prelude::*;

use crate::ids::GoldApplicationId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gold_step")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub application_id: GoldApplicationId,
    pub state: String,
    pub at: DateTimeUtc,
    pub by: String,
    pub opinion: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
