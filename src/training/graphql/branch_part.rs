//! What this slice adds to `Branch`: the trainings it took part in.

use std::collections::HashMap;

use async_graphql::{Context, Object};

use super::{
    super::{
        model,
        store::{self, TrainingFilter as Filter},
    },
    TrainingFilter, TrainingRecord,
};
use crate::{
    graphql::{
        connection::{Connection, page_args},
        error::ApiError,
        lists::{ListOf, list_of},
        loaders::Batch,
    },
    kernel::{
        id::BranchId,
        page::{Page, PageArgs},
    },
    storage::{StoreError, keyset::ListError},
};

/// A branch's trainings.
#[derive(Clone)]
pub struct BranchTraining {
    id: BranchId,
}

impl BranchTraining {
    /// The part of a branch.
    pub fn new(id: BranchId) -> Self {
        Self { id }
    }
}

#[Object]
impl BranchTraining {
    /// 培训记录 · Trainings it took part in, the latest first; empty for callers out of its scope.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    async fn training_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<TrainingFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<TrainingRecord>, ApiError> {
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        list_of(ctx, self.id, filter, args, TrainingRecord::new).await
    }
}

impl ListOf for Filter {
    type Parent = BranchId;
    type Row = model::TrainingRecord;

    async fn pages(
        &self,
        batch: &Batch,
        branches: &[BranchId],
        args: &PageArgs,
    ) -> Result<HashMap<BranchId, Page<Self::Row>>, ListError> {
        store::pages_of_branches(batch.database.reader(), &batch.scope, branches, self, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        branches: &[BranchId],
    ) -> Result<HashMap<BranchId, u64>, StoreError> {
        store::counts_of_branches(batch.database.reader(), &batch.scope, branches, self).await
    }
}
