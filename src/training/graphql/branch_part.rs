//! What this slice adds to `Branch`: the trainings it took part in.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Object, dataloader::Loader};

use super::{
    super::{
        model,
        store::{self, TrainingFilter as Filter},
    },
    TrainingFilter, TrainingRecord,
};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        loaders::{Batch, Loaded, by_arguments},
    },
    kernel::{
        id::BranchId,
        page::{Page, PageArgs},
    },
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
        let key = TrainingsOf {
            branch: self.id,
            filter: filter.clone(),
            args,
        };
        let branch = self.id;
        // Boxed: a future a field of a branch is as large as that of its largest field, also where only its name is
        // asked.
        let page = Box::pin(Caller::of(ctx)?.load(key)).await?;
        Ok(Connection::new(
            page.map_or_else(Page::empty, |page| (*page).clone().map(TrainingRecord::new)),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let count = Caller::of(ctx)?.load(TrainingCountOf { branch, filter }).await?;
                    Ok(count.unwrap_or_default())
                })
            }),
        ))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct TrainingsOf {
    branch: BranchId,
    filter: Filter,
    args: PageArgs,
}

impl Loader<TrainingsOf> for Batch {
    type Value = Arc<Page<Arc<model::TrainingRecord>>>;
    type Error = ApiError;

    async fn load(&self, keys: &[TrainingsOf]) -> Loaded<TrainingsOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let groups = by_arguments(keys, |key| ((key.filter.clone(), key.args.clone()), key.branch));
        for ((filter, args), branches) in groups {
            let reader = self.database.reader();
            let pages = store::pages_of_branches(reader, &self.scope, &branches, &filter, &args).await?;
            loaded.extend(pages.into_iter().map(|(branch, page)| {
                let key = TrainingsOf {
                    branch,
                    filter: filter.clone(),
                    args: args.clone(),
                };
                (key, Arc::new(page.map(Arc::new)))
            }));
        }
        Ok(loaded)
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct TrainingCountOf {
    branch: BranchId,
    filter: Filter,
}

impl Loader<TrainingCountOf> for Batch {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[TrainingCountOf]) -> Loaded<TrainingCountOf, u64> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (filter, branches) in by_arguments(keys, |key| (key.filter.clone(), key.branch)) {
            let reader = self.database.reader();
            let counts = store::counts_of_branches(reader, &self.scope, &branches, &filter).await?;
            loaded.extend(counts.into_iter().map(|(branch, count)| {
                let filter = filter.clone();
                (TrainingCountOf { branch, filter }, count)
            }));
        }
        Ok(loaded)
    }
}
