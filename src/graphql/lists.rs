//! Lists that several parents have each: what siblings ask of theirs is read in one statement.

use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc};

use async_graphql::{Context, dataloader::Loader};
use futures_util::future::BoxFuture;

use super::{
    caller::Caller,
    connection::Connection,
    error::ApiError,
    loaders::{Batch, Loaded, by_arguments},
};
use crate::{
    kernel::page::{Page, PageArgs},
    storage::{StoreError, keyset::ListError},
};

/// A list that each parent of a type has, with what it is narrowed and ordered by.
pub trait ListOf: Clone + Eq + Hash + Send + Sync + 'static {
    /// The id of whose list it is.
    type Parent: Copy + Eq + Hash + Send + Sync + 'static;
    /// What is on it.
    type Row: Send + Sync + 'static;

    /// The same page of the list of each parent, where the caller may see it.
    fn pages(
        &self,
        batch: &Batch,
        parents: &[Self::Parent],
        args: &PageArgs,
    ) -> impl Future<Output = Result<HashMap<Self::Parent, Page<Self::Row>>, ListError>> + Send;

    /// How many there are on the list of each parent.
    fn counts(
        &self,
        batch: &Batch,
        parents: &[Self::Parent],
    ) -> impl Future<Output = Result<HashMap<Self::Parent, u64>, StoreError>> + Send;
}

/// A page of a parent's list, each row as `node` makes it. Page arguments have been checked.
///
/// Boxed: the future of an object's field is as large as that of its largest field, also where only a name is asked for.
pub fn list_of<'c, L: ListOf, N: 'static>(
    ctx: &'c Context<'_>,
    parent: L::Parent,
    list: L,
    args: PageArgs,
    node: fn(Arc<L::Row>) -> N,
) -> BoxFuture<'c, Result<Connection<N>, ApiError>> {
    Box::pin(async move {
        let key = PageOf {
            parent,
            list: list.clone(),
            args,
        };
        let page = Caller::of(ctx)?.load(key).await?;
        Ok(Connection::new(
            page.map_or_else(Page::empty, |page| (*page).clone().map(node)),
            Box::new(move |ctx| {
                let list = list.clone();
                Box::pin(async move { count_of(ctx, parent, list).await })
            }),
        ))
    })
}

/// How many there are on a parent's list.
pub async fn count_of<L: ListOf>(ctx: &Context<'_>, parent: L::Parent, list: L) -> Result<u64, ApiError> {
    let count = Caller::of(ctx)?.load(CountOf { parent, list }).await?;
    Ok(count.unwrap_or_default())
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct PageOf<P, L> {
    parent: P,
    list: L,
    args: PageArgs,
}

impl<L: ListOf> Loader<PageOf<L::Parent, L>> for Batch {
    type Value = Arc<Page<Arc<L::Row>>>;
    type Error = ApiError;

    async fn load(&self, keys: &[PageOf<L::Parent, L>]) -> Loaded<PageOf<L::Parent, L>, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let groups = by_arguments(keys, |key| ((key.list.clone(), key.args.clone()), key.parent));
        for ((list, args), parents) in groups {
            let pages = list.pages(self, &parents, &args).await?;
            loaded.extend(pages.into_iter().map(|(parent, page)| {
                let key = PageOf {
                    parent,
                    list: list.clone(),
                    args: args.clone(),
                };
                (key, Arc::new(page.map(Arc::new)))
            }));
        }
        Ok(loaded)
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct CountOf<P, L> {
    parent: P,
    list: L,
}

impl<L: ListOf> Loader<CountOf<L::Parent, L>> for Batch {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[CountOf<L::Parent, L>]) -> Loaded<CountOf<L::Parent, L>, u64> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (list, parents) in by_arguments(keys, |key| (key.list.clone(), key.parent)) {
            let counts = list.counts(self, &parents).await?;
            loaded.extend(counts.into_iter().map(|(parent, count)| {
                let list = list.clone();
                (CountOf { parent, list }, count)
            }));
        }
        Ok(loaded)
    }
}
