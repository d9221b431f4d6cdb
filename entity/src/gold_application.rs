//! An application for the title of a gold branch (金牌申报).

use sea_orm::entity::prelude::*;

use crate::ids::{BranchId, CampaignId, GoldApplicationId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gold_application")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: GoldApplicationId,
    pub campaign_id: CampaignId,
    pub branch_id: BranchId,
    pub state: String,
    pub before_veto: Option<String>,
    pub statement: String,
    pub eligibility: String,
    pub awarded_on: Option<Date>,
    pub version: i32,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
