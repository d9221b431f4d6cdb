//! How many gold branches a domain is to have at least (领域覆盖).

use sea_orm::entity::prelude::*;

use crate::ids::CampaignId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gold_minimum")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub domain: String,
    pub count: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
