//! The health check (红色体检) of one branch in one campaign.

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, CampaignId, HealthCheckId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "health_check")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: HealthCheckId,
    pub campaign_id: CampaignId,
    pub branch_id: BranchId,
    pub stage: String,
    pub outcome: String,
    pub regular_score: Option<i32>,
    pub tailored_score: Option<i32>,
    pub evaluation: Option<String>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
