//! Batches that come out the same every time: loaders run on the request's own task, and only once
//! everything else in the request waits.
//!
//! async-graphql's `DataLoader` starts a fetch on a spawner after a delay, hoping that all siblings have
//! registered by then. Here nothing is hoped: [`drive`] polls the execution until it is quiet, then the
//! fetches that were queued meanwhile, and begins the next ones when all of these have ended. So each level
//! of a document costs one fetch a loader, without a timer and without a thread hop.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
#[cfg(test)]
use std::time::Duration;

#[cfg(test)]
use async_graphql::dataloader::{DataLoader, NoCache};
#[cfg(test)]
use async_graphql::runtime::Timer;
#[cfg(test)]
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::task::{ArcWake, AtomicWaker, FutureObj, Spawn, SpawnError, waker};

/// How often one poll goes round before it lets other tasks run.
const ROUNDS: usize = 32;

/// The fetches that one request's loaders have asked for.
#[derive(Clone, Default)]
pub struct LoaderQueue(Arc<Queue>);

#[derive(Default)]
struct Queue {
    fetches: Mutex<Vec<FutureObj<'static, ()>>>,
    driver: AtomicWaker,
}

impl LoaderQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// One of async-graphql's loaders, whose fetches [`drive`] runs; the tests' schemas use them.
    #[cfg(test)]
    pub(crate) fn loader<T>(&self, loader: T) -> DataLoader<T, NoCache> {
        DataLoader::new(loader, self.clone(), Immediate).delay(Duration::ZERO)
    }

    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut *self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.0
            .fetches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

impl Spawn for LoaderQueue {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0
            .fetches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(future);
        self.0.driver.wake();
        Ok(())
    }
}

/// The timer that goes with [`LoaderQueue::loader`]: it never waits.
#[cfg(test)]
struct Immediate;

#[cfg(test)]
impl Timer for Immediate {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Remembers that the execution was woken, so that it is polled for its own sake only.
struct Woken {
    yes: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Woken {
    fn wake_by_ref(this: &Arc<Self>) {
        this.yes.store(true, Ordering::Release);
        this.task.wake();
    }
}

/// Runs `main` together with the fetches that come into `queue`, on this task.
pub async fn drive<F: Future>(main: F, queue: &LoaderQueue) -> F::Output {
    let mut main = pin!(main);
    let mut fetches = FuturesUnordered::new();
    // Asked for while a level's fetches run: the next level. Begun at once, they would make batches that depend
    // on which of the database's answers came first.
    let mut next = Vec::new();
    let woken = Arc::new(Woken {
        yes: AtomicBool::new(true),
        task: AtomicWaker::new(),
    });
    let main_waker = waker(woken.clone());
    poll_fn(move |cx| {
        woken.task.register(cx.waker());
        queue.0.driver.register(cx.waker());
        for _ in 0..ROUNDS {
            if woken.yes.swap(false, Ordering::AcqRel) {
                let mut main_cx = Context::from_waker(&main_waker);
                if let Poll::Ready(output) = main.as_mut().poll(&mut main_cx) {
                    return Poll::Ready(output);
                }
                if woken.yes.load(Ordering::Acquire) {
                    // It only let others run; its fields have not all been asked yet.
                    continue;
                }
            }
            next.extend(queue.take());
            if fetches.is_empty() {
                fetches.extend(next.drain(..));
            }
            while let Poll::Ready(Some(())) = fetches.poll_next_unpin(cx) {}
            // What a fetch itself asked for cannot wait for that fetch to end.
            fetches.extend(queue.take());
            let idle = !woken.yes.load(Ordering::Acquire);
            if idle && !fetches.is_empty() {
                // Those just added have not been polled yet.
                if let Poll::Ready(Some(())) = fetches.poll_next_unpin(cx) {
                    continue;
                }
                if queue.is_empty() && !woken.yes.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
            } else if idle && next.is_empty() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::dataloader::Loader;
    use futures_util::future::join_all;
    use std::collections::HashMap;

    /// Counts its batches; every fetch suspends a few times, as a database would.
    struct Doubler(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Doubler {
        type Value = u32;
        type Error = Arc<str>;

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Self::Error> {
            self.0.lock().unwrap().push(keys.len());
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            Ok(keys.iter().map(|&k| (k, k * 2)).collect())
        }
    }

    /// Suspends once, ready again at once, as combinators over many futures do.
    async fn step_aside() {
        let mut first = true;
        poll_fn(|cx| {
            if std::mem::take(&mut first) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await
    }

    #[allow(clippy::type_complexity, reason = "read once, in the tests below")]
    fn counted() -> (LoaderQueue, Arc<DataLoader<Doubler>>, Arc<Mutex<Vec<usize>>>) {
        let queue = LoaderQueue::new();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let loader = Arc::new(queue.loader(Doubler(batches.clone())));
        (queue, loader, batches)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn fifty_siblings_cost_one_batch_a_level() {
        for _ in 0..50 {
            let (queue, loader, batches) = counted();
            let main = join_all((0..50).map(|n| {
                let loader = loader.clone();
                async move {
                    // Siblings reach the loader after different numbers of suspensions.
                    for _ in 0..n % 7 {
                        step_aside().await;
                    }
                    let once = loader.load_one(n).await.unwrap().unwrap();
                    loader.load_one(once + 1000).await.unwrap().unwrap()
                }
            }));
            let answers = tokio::spawn(async move { drive(main, &queue).await })
                .await
                .unwrap();
            assert_eq!(answers, (0..50).map(|n| (n * 2 + 1000) * 2).collect::<Vec<_>>());
            assert_eq!(*batches.lock().unwrap(), [50, 50]);
        }
    }

    #[tokio::test]
    async fn what_is_asked_for_while_fetches_run_waits_for_their_end() {
        /// Takes as many suspensions as its key says.
        struct Slow;
        impl Loader<u8> for Slow {
            type Value = ();
            type Error = Arc<str>;
            async fn load(&self, keys: &[u8]) -> Result<HashMap<u8, ()>, Self::Error> {
                for _ in 0..keys[0] {
                    tokio::task::yield_now().await;
                }
                Ok(keys.iter().map(|&k| (k, ())).collect())
            }
        }
        let (queue, loader, batches) = counted();
        let (quick, slow) = (queue.loader(Slow), queue.loader(Slow));
        let after_quick = async {
            quick.load_one(1).await.unwrap();
            loader.load_one(1).await.unwrap()
        };
        let after_slow = async {
            slow.load_one(40).await.unwrap();
            loader.load_one(2).await.unwrap()
        };
        let main = async { futures_util::join!(after_quick, after_slow) };
        assert_eq!(drive(main, &queue).await, (Some(2), Some(4)));
        assert_eq!(*batches.lock().unwrap(), [2]);
    }

    #[tokio::test]
    async fn a_fetch_may_use_another_loader() {
        struct Outer(Arc<DataLoader<Doubler>>);
        impl Loader<u32> for Outer {
            type Value = u32;
            type Error = Arc<str>;
            async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Self::Error> {
                self.0.load_many(keys.iter().copied()).await
            }
        }
        let (queue, inner, batches) = counted();
        let outer = queue.loader(Outer(inner));
        let answers = drive(join_all((0..5).map(|n| outer.load_one(n))), &queue).await;
        assert_eq!(answers.len(), 5);
        assert_eq!(answers[4], Ok(Some(8)));
        assert_eq!(*batches.lock().unwrap(), [5]);
    }

    #[tokio::test]
    async fn an_execution_without_loaders_just_runs() {
        let queue = LoaderQueue::new();
        let slow = async {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            7
        };
        assert_eq!(drive(slow, &queue).await, 7);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_loader_used_from_another_task_is_served_too() {
        let (queue, loader, _) = counted();
        let main = tokio::spawn(async move { loader.load_one(21).await });
        assert_eq!(drive(main, &queue).await.unwrap(), Ok(Some(42)));
    }
}
