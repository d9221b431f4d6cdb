//! An item of a template (体检项目).

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_version: i32,
    pub position: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    pub aspect: String,
    pub domain: Option<String>,
    pub name_zh: String,
    pub name_en: String,
    pub verification: String,
    pub weight: i32,
    pub mandatory: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
