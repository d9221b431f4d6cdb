//! Where points come from: a platform, or LOCAL for the district's own.

use sea_orm::entity::prelude::*;

use crate::ids::PointSourceId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "point_source")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: PointSourceId,
    pub code: String,
    pub name: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
