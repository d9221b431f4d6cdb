//! An examiner (体检队员), by the opaque subject of its token.

use sea_orm::entity::prelude::*;

use crate::ids::ExaminerId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "examiner")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: ExaminerId,
    pub subject: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
