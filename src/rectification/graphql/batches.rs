//! What siblings ask of rectifications, each level in one statement.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    graphql::{
        error::ApiError,
        lists::ListOf,
        loaders::{Batch, Loaded},
    },
    kernel::{
        id::{BranchId, HealthCheckId, RectificationId},
        page::{Page, PageArgs},
    },
    rectification::{
        model, record,
        store::{self, RectificationFilter, RectificationOrder, Today},
    },
    storage::{StoreError, keyset::ListError},
};

impl Loader<RectificationId> for Batch {
    type Value = Arc<record::Rectification>;
    type Error = ApiError;

    async fn load(&self, ids: &[RectificationId]) -> Loaded<RectificationId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

/// The steps of a rectification that the caller may see.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepsOf(pub RectificationId);

impl Loader<StepsOf> for Batch {
    type Value = Arc<Vec<model::StepTaken>>;
    type Error = ApiError;

    async fn load(&self, keys: &[StepsOf]) -> Loaded<StepsOf, Self::Value> {
        let ids: Vec<RectificationId> = keys.iter().map(|key| key.0).collect();
        let steps = store::steps(self.database.reader(), &ids).await?;
        Ok(steps
            .into_iter()
            .map(|(id, steps)| (StepsOf(id), Arc::new(steps)))
            .collect())
    }
}

/// How much a branch has still to put right; absent where it is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenOf(pub BranchId);

impl Loader<OpenOf> for Batch {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[OpenOf]) -> Loaded<OpenOf, u64> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let counts = store::of_branch::open_counts(self.database.reader(), &self.scope, &ids).await?;
        Ok(counts
            .into_iter()
            .map(|(branch, count)| (OpenOf(branch), count))
            .collect())
    }
}

/// The rectifications of a branch.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Listed {
    pub filter: RectificationFilter,
    pub order: RectificationOrder,
    pub today: Today,
}

impl ListOf for Listed {
    type Parent = BranchId;
    type Row = record::Rectification;

    async fn pages(
        &self,
        batch: &Batch,
        branches: &[BranchId],
        args: &PageArgs,
    ) -> Result<HashMap<BranchId, Page<Self::Row>>, ListError> {
        let which = (&self.filter, self.order, self.today);
        store::of_branches(batch.database.reader(), &batch.scope, branches, which, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        branches: &[BranchId],
    ) -> Result<HashMap<BranchId, u64>, StoreError> {
        let reader = batch.database.reader();
        store::count_of_branches(reader, &batch.scope, branches, &self.filter, self.today).await
    }
}

/// The rectifications of a health check.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OfCheck;

impl ListOf for OfCheck {
    type Parent = HealthCheckId;
    type Row = record::Rectification;

    async fn pages(
        &self,
        batch: &Batch,
        checks: &[HealthCheckId],
        args: &PageArgs,
    ) -> Result<HashMap<HealthCheckId, Page<Self::Row>>, ListError> {
        store::of_checks(batch.database.reader(), &batch.scope, checks, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        checks: &[HealthCheckId],
    ) -> Result<HashMap<HealthCheckId, u64>, StoreError> {
        store::count_of_checks(batch.database.reader(), &batch.scope, checks).await
    }
}
