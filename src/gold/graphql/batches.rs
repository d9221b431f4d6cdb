//! What siblings ask of the gold selection, each level in as many statements as one of them needs.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    gold::{
        model,
        store::{self, Plan},
    },
    graphql::{
        error::ApiError,
        loaders::{Batch, Loaded, by_arguments},
    },
    kernel::id::{BranchId, CampaignId, GoldApplicationId, VetoId},
};

impl Loader<GoldApplicationId> for Batch {
    type Value = Arc<model::Application>;
    type Error = ApiError;

    async fn load(&self, ids: &[GoldApplicationId]) -> Loaded<GoldApplicationId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

impl Loader<VetoId> for Batch {
    type Value = Arc<model::Veto>;
    type Error = ApiError;

    async fn load(&self, ids: &[VetoId]) -> Loaded<VetoId, Self::Value> {
        let rows = store::vetoes_by_ids(self.database.reader(), &self.requester, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

/// The campaign that an application was made in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanOf(pub CampaignId);

impl Loader<PlanOf> for Batch {
    type Value = Arc<Plan>;
    type Error = ApiError;

    async fn load(&self, keys: &[PlanOf]) -> Loaded<PlanOf, Self::Value> {
        let ids: Vec<CampaignId> = keys.iter().map(|key| key.0).collect();
        let plans = store::plans(self.database.reader(), &ids).await?;
        Ok(plans
            .into_iter()
            .map(|(id, plan)| (PlanOf(id), Arc::new(plan)))
            .collect())
    }
}

/// The steps of an application.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepsOf(pub GoldApplicationId);

impl Loader<StepsOf> for Batch {
    type Value = Arc<Vec<model::StepTaken>>;
    type Error = ApiError;

    async fn load(&self, keys: &[StepsOf]) -> Loaded<StepsOf, Self::Value> {
        let ids: Vec<GoldApplicationId> = keys.iter().map(|key| key.0).collect();
        let steps = store::steps(self.database.reader(), &ids).await?;
        Ok(steps
            .into_iter()
            .map(|(id, steps)| (StepsOf(id), Arc::new(steps)))
            .collect())
    }
}

/// A branch's application in a year's campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApplicationOf {
    pub branch: BranchId,
    pub year: i32,
}

impl Loader<ApplicationOf> for Batch {
    type Value = Arc<model::Application>;
    type Error = ApiError;

    async fn load(&self, keys: &[ApplicationOf]) -> Loaded<ApplicationOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let reader = self.database.reader();
        for (year, branches) in by_arguments(keys, |key| (key.year, key.branch)) {
            let rows = store::of_branches(reader, &self.scope, &branches, year).await?;
            let keyed = |(branch, row)| (ApplicationOf { branch, year }, Arc::new(row));
            loaded.extend(rows.into_iter().map(keyed));
        }
        Ok(loaded)
    }
}

/// How a branch stands against the criteria of a year's campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EligibilityOf {
    pub branch: BranchId,
    pub year: i32,
}

impl Loader<EligibilityOf> for Batch {
    type Value = Arc<model::Eligibility>;
    type Error = ApiError;

    async fn load(&self, keys: &[EligibilityOf]) -> Loaded<EligibilityOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let reader = self.database.reader();
        for (year, branches) in by_arguments(keys, |key| (key.year, key.branch)) {
            let Some(plan) = store::plan_of_year(reader, year).await? else {
                continue;
            };
            let found = store::eligibility(reader, &self.scope, &plan, &branches).await?;
            let keyed = |(branch, row)| (EligibilityOf { branch, year }, Arc::new(row));
            loaded.extend(found.into_iter().map(keyed));
        }
        Ok(loaded)
    }
}
