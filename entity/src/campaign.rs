//! A year's campaign (一年一主题).

use sea_orm::entity::prelude::*;

use crate::ids::CampaignId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: CampaignId,
    pub year: i32,
    pub theme: String,
    pub template_version: i32,
    pub window_from: Date,
    pub window_to: Date,
    pub total_quota: Option<i32>,
    pub require_brand: Option<bool>,
    pub top_percent: Option<i32>,
    pub points_period: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
