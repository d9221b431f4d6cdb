//! What siblings ask of health checks, each level in one statement.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    graphql::{
        error::ApiError,
        loaders::{Batch, Loaded, by_arguments},
    },
    health_check::{
        record::{self, CheckResult, Visit},
        store,
    },
    kernel::id::{BranchId, CampaignId, HealthCheckId},
};

impl Loader<HealthCheckId> for Batch {
    type Value = Arc<record::HealthCheck>;
    type Error = ApiError;

    async fn load(&self, ids: &[HealthCheckId]) -> Loaded<HealthCheckId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

/// The check of a branch that the caller may see.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckOf {
    pub branch: BranchId,
    /// In this year's campaign; the latest when left out.
    pub year: Option<i32>,
}

impl Loader<CheckOf> for Batch {
    type Value = Arc<record::HealthCheck>;
    type Error = ApiError;

    async fn load(&self, keys: &[CheckOf]) -> Loaded<CheckOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (year, branches) in by_arguments(keys, |key| (key.year, key.branch)) {
            let rows = store::of_branches(self.database.reader(), &self.scope, &branches, year).await?;
            loaded.extend(
                rows.into_iter()
                    .map(|(branch, row)| (CheckOf { branch, year }, Arc::new(row))),
            );
        }
        Ok(loaded)
    }
}

/// The results of a check that the caller has been shown, which follows the template of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResultsOf(pub HealthCheckId, pub CampaignId);

impl Loader<ResultsOf> for Batch {
    type Value = Arc<Vec<CheckResult>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ResultsOf]) -> Loaded<ResultsOf, Self::Value> {
        let checks: Vec<(HealthCheckId, CampaignId)> = keys.iter().map(|key| (key.0, key.1)).collect();
        let mut results = store::results(self.database.reader(), &checks).await?;
        Ok(keys
            .iter()
            .filter_map(|key| Some((*key, Arc::new(results.remove(&key.0)?))))
            .collect())
    }
}

/// The visits of a check that the caller has been shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VisitsOf(pub HealthCheckId);

impl Loader<VisitsOf> for Batch {
    type Value = Arc<Vec<Visit>>;
    type Error = ApiError;

    async fn load(&self, keys: &[VisitsOf]) -> Loaded<VisitsOf, Self::Value> {
        let ids: Vec<HealthCheckId> = keys.iter().map(|key| key.0).collect();
        let visits = store::visits(self.database.reader(), &ids).await?;
        Ok(visits
            .into_iter()
            .map(|(id, visits)| (VisitsOf(id), Arc::new(visits)))
            .collect())
    }
}

/// The examiners of a check that the caller has been shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExaminersOf(pub HealthCheckId);

impl Loader<ExaminersOf> for Batch {
    type Value = Arc<Vec<String>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ExaminersOf]) -> Loaded<ExaminersOf, Self::Value> {
        let ids: Vec<HealthCheckId> = keys.iter().map(|key| key.0).collect();
        let examiners = store::examiners(self.database.reader(), &ids).await?;
        Ok(examiners
            .into_iter()
            .map(|(id, subjects)| (ExaminersOf(id), Arc::new(subjects)))
            .collect())
    }
}
