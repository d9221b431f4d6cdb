//! Batched reads: what siblings ask for goes out as one statement.
//!
//! One `Batch` a request; a slice implements `Loader` for keys of its own. async-graphql's `DataLoader` would do, but
//! each key costs it two sets, a map and a channel of its own; here the keys of a round share one of each.

use std::{
    any::{Any, TypeId},
    collections::{HashMap, HashSet},
    future::{Future, poll_fn},
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use async_graphql::dataloader::Loader;
use futures_util::task::{FutureObj, Spawn as _};

use super::{batch::LoaderQueue, error::ApiError};
use crate::{
    auth::{Requester, Scope},
    storage::Database,
};

/// Keys of one statement at most: SQLite takes 32,766 parameters, and some keys bind several.
const MOST_KEYS: usize = 1_000;

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
pub struct Loaders {
    shared: Arc<Shared>,
    queue: LoaderQueue,
}

struct Shared {
    batch: Batch,
    /// The open round of each type of key: an `Arc<Round<K>>`.
    open: Mutex<HashMap<TypeId, Box<dyn Any + Send>>>,
}

/// Keys that are loaded together, and what came of it.
struct Round<K, V> {
    keys: Vec<K>,
    loaded: Option<Loaded<K, V>>,
    waiting: Vec<Waker>,
}

type SharedRound<K> = Arc<Mutex<Round<K, <Batch as Loader<K>>::Value>>>;

/// Poisoned by nobody: what runs under these locks does not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request's loaders, whose fetches `queue` runs.
pub fn loaders(queue: &LoaderQueue, database: Database, requester: Requester) -> Loaders {
    let scope = requester.scope();
    let batch = Batch {
        database,
        scope,
        requester,
    };
    Loaders {
        shared: Arc::new(Shared {
            batch,
            open: Mutex::default(),
        }),
        queue: queue.clone(),
    }
}

impl Loaders {
    /// Loads one thing, together with what siblings ask for; None where there is none.
    pub fn load_one<K>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<<Batch as Loader<K>>::Value>, ApiError>> + Send + use<K>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        let round = self.join([key.clone()]);
        loaded(round, move |found| found.get(&key).cloned())
    }

    /// Loads several at once; those that there are.
    pub fn load_many<K>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Loaded<K, <Batch as Loader<K>>::Value>> + Send
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        let keys: Vec<K> = keys.into_iter().collect();
        let round = (!keys.is_empty()).then(|| self.join(keys.iter().cloned()));
        async move {
            let Some(round) = round else {
                return Ok(HashMap::new());
            };
            let pick = move |found: &HashMap<K, _>| {
                let pairs = keys.iter().filter_map(|key| found.get_key_value(key));
                pairs
                    .map(|(key, value)| (key.clone(), Clone::clone(value)))
                    .collect()
            };
            loaded(round, pick).await
        }
    }

    /// Puts keys into the open round of their type, which is fetched when everything else in the request waits.
    fn join<K>(&self, keys: impl IntoIterator<Item = K>) -> SharedRound<K>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        let mut open = lock(&self.shared.open);
        if let Some(round) = open
            .get(&TypeId::of::<K>())
            .and_then(|r| r.downcast_ref::<SharedRound<K>>())
        {
            lock(round).keys.extend(keys);
            return round.clone();
        }
        let round: SharedRound<K> = Arc::new(Mutex::new(Round {
            keys: keys.into_iter().collect(),
            loaded: None,
            waiting: Vec::new(),
        }));
        open.insert(TypeId::of::<K>(), Box::new(round.clone()));
        let fetch = Box::new(self.shared.clone().fetch(round.clone()));
        // The queue is a list: it takes everything.
        let _ = self.queue.spawn_obj(FutureObj::new(fetch));
        round
    }
}

impl Shared {
    async fn fetch<K>(self: Arc<Self>, round: SharedRound<K>)
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        // Closed first: keys that come while this one is fetched open another.
        lock(&self.open).remove(&TypeId::of::<K>());
        let keys: HashSet<K> = mem::take(&mut lock(&round).keys).into_iter().collect();
        let keys: Vec<K> = keys.into_iter().collect();
        let mut loaded = Ok(HashMap::new());
        for some in keys.chunks(MOST_KEYS) {
            let found = self.batch.load(some).await;
            loaded = match (loaded, found) {
                (Ok(all), Ok(more)) if HashMap::is_empty(&all) => Ok(more),
                (Ok(mut all), Ok(more)) => {
                    all.extend(more);
                    Ok(all)
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            if loaded.is_err() {
                break;
            }
        }
        let waiting = {
            let mut round = lock(&round);
            round.loaded = Some(loaded);
            mem::take(&mut round.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Waits until a round is loaded, then picks from it.
async fn loaded<K, V, T>(
    round: Arc<Mutex<Round<K, V>>>,
    pick: impl Fn(&HashMap<K, V>) -> T,
) -> Result<T, ApiError> {
    poll_fn(|cx| {
        let mut round = lock(&round);
        match &round.loaded {
            Some(Ok(found)) => Poll::Ready(Ok(pick(found))),
            Some(Err(error)) => Poll::Ready(Err(error.clone())),
            None => {
                // Fields of one object often share a waker and register one after the other.
                if !round
                    .waiting
                    .last()
                    .is_some_and(|last| last.will_wake(cx.waker()))
                {
                    round.waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    })
    .await
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
