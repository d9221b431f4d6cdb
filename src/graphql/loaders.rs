//! Batched reads: what siblings ask for goes out as one statement.
//!
//! One `Batch` a request; a slice implements `Loader` for keys of its own.

use std::{collections::HashMap, hash::Hash};

use async_graphql::dataloader::DataLoader;

use super::{batch::LoaderQueue, error::ApiError};
use crate::{
    auth::{Requester, Scope},
    storage::Database,
};

/// What loaders read through: the database, and the scope of the caller they read for.
pub struct Batch {
    /// Where to read.
    pub database: Database,
    /// What the caller may see.
    pub scope: Scope,
    /// Whom they read for.
    pub requester: Requester,
}

/// The request's loader.
pub type Loaders = DataLoader<Batch>;

/// A request's loaders, whose fetches `queue` runs.
pub fn loaders(queue: &LoaderQueue, database: Database, requester: Requester) -> Loaders {
    let scope = requester.scope();
    queue.loader(Batch {
        database,
        scope,
        requester,
    })
}

/// Keys that ask the same of different parents, told apart by what they ask: each group is one statement.
pub fn by_arguments<K, A, P>(keys: &[K], split: impl Fn(&K) -> (A, P)) -> HashMap<A, Vec<P>>
where
    A: Eq + Hash,
{
    let mut groups: HashMap<A, Vec<P>> = HashMap::new();
    for key in keys {
        let (arguments, parent) = split(key);
        groups.entry(arguments).or_default().push(parent);
    }
    groups
}

/// What a slice's loader gives back.
pub type Loaded<K, V> = Result<HashMap<K, V>, ApiError>;
