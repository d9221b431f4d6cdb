//! Subscribers of one value: they share one execution and one serialization, however many they are.
//!
//! A cohort is the callers who would be told the same bytes. Its task executes the operation, hands the bytes to all, waits
//! until what it depends on has moved, and executes it again; a burst of changes is one execution. It ends with its last
//! subscriber.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::NaiveDate;
use futures_util::{
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};
use tokio::{sync::watch, time::Instant};

use super::{Dependencies, key::ReadKey};
use crate::{
    kernel::clock::{day_in_shanghai, pause},
    storage::Database,
};

/// How often a cohort sees whether the business date has changed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a cohort waits that could not be told its value.
const AGAIN: Duration = Duration::from_secs(1);

/// What subscribers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A result, serialized.
    Next(Bytes),
    /// Errors, a list, serialized; nothing comes after them.
    Failed(Bytes),
}

/// What an execution came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// What to tell.
    Told(Told),
    /// What it needs is away; to be tried again, where there was a value before.
    Away(Bytes),
}

/// Executes the operation once, for so many subscribers.
pub type Execute = Box<dyn Fn(usize) -> BoxFuture<'static, Value> + Send + Sync>;

/// Takes from a subscriber what an execution costs; where it has used up what it may, how long until it can pay.
pub type Pay = Arc<dyn Fn() -> Result<(), Duration> + Send + Sync>;

/// All cohorts of a process.
#[derive(Clone)]
pub struct Cohorts {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    /// The least time from one execution of a cohort to the next.
    interval: Duration,
    cohorts: Mutex<HashMap<ReadKey, Cohort>>,
    executions: AtomicU64,
}

#[derive(Clone)]
struct Cohort {
    values: watch::Sender<Option<Told>>,
    payers: Arc<Payers>,
}

/// Takes a cohort from the map whatever ends its task: who comes next begins anew, and who is there is not left waiting.
struct Listed {
    inner: Arc<Inner>,
    key: ReadKey,
    values: watch::Sender<Option<Told>>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut cohorts = self.inner.cohorts();
        // Another may have begun under the same key.
        if cohorts
            .get(&self.key)
            .is_some_and(|cohort| cohort.values.same_channel(&self.values))
        {
            cohorts.remove(&self.key);
        }
    }
}

/// Those who are told, as those who pay for it: each execution one of them, in turn.
#[derive(Default)]
struct Payers {
    all: Mutex<VecDeque<(u64, Pay)>>,
    next: AtomicU64,
}

impl Payers {
    fn all(&self) -> MutexGuard<'_, VecDeque<(u64, Pay)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, pay: Pay) -> Payer {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.all().push_back((number, pay));
        Payer {
            payers: self.clone(),
            number,
        }
    }

    /// Ends when one of them has paid.
    async fn pay(&self) {
        while let Err(wait) = self.try_pay() {
            // Somebody who can may come meanwhile.
            pause(wait.min(LOOK)).await;
        }
    }

    fn try_pay(&self) -> Result<(), Duration> {
        let mut all = self.all();
        let mut soonest = LOOK;
        for _ in 0..all.len() {
            all.rotate_left(1);
            let Some((_, pay)) = all.back() else { break };
            match pay() {
                Ok(()) => return Ok(()),
                Err(wait) => soonest = soonest.min(wait),
            }
        }
        Err(soonest)
    }
}

/// One of those who pay, until it is dropped.
struct Payer {
    payers: Arc<Payers>,
    number: u64,
}

impl Drop for Payer {
    fn drop(&mut self) {
        self.payers.all().retain(|(number, _)| *number != self.number);
    }
}

impl Cohorts {
    /// None yet; each executes no more often than once in `interval`.
    pub fn new(database: Database, interval: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                database,
                interval,
                cohorts: Mutex::default(),
                executions: AtomicU64::new(0),
            }),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.inner.cohorts().len()
    }

    /// How many subscribers there are, and how many the largest cohort has.
    pub fn subscribers(&self) -> (usize, usize) {
        let cohorts = self.inner.cohorts();
        let sizes = cohorts.values().map(|cohort| cohort.values.receiver_count());
        sizes.fold((0, 0), |(all, most), size| (all + size, most.max(size)))
    }

    /// How many executions there have been.
    pub fn executions(&self) -> u64 {
        self.inner.executions.load(Ordering::Relaxed)
    }

    /// The value now, and again after it changes; who reads late is told the latest. `execute` is used where there is no such
    /// cohort yet. Each execution is paid for by one of those who are there, the first one too.
    pub fn join(
        &self,
        key: ReadKey,
        depends_on: Dependencies,
        pay: Pay,
        execute: impl FnOnce() -> Execute,
    ) -> BoxStream<'static, Told> {
        let (values, payer) = {
            let mut cohorts = self.inner.cohorts();
            match cohorts.get(&key) {
                Some(cohort) => (cohort.values.subscribe(), cohort.payers.enter(pay)),
                None => {
                    let (sender, values) = watch::channel(None);
                    let cohort = Cohort {
                        values: sender,
                        payers: Arc::default(),
                    };
                    let payer = cohort.payers.enter(pay);
                    cohorts.insert(key, cohort.clone());
                    let inner = self.inner.clone();
                    tokio::spawn(inner.run(key, cohort, depends_on, execute()));
                    (values, payer)
                }
            }
        };
        stream::unfold(Some((values, payer, true)), |state| async move {
            let (mut values, payer, is_new) = state?;
            if !is_new || values.borrow_and_update().is_none() {
                // Ended without having failed: there is nothing more to tell.
                values.changed().await.ok()?;
            }
            let told = values.borrow_and_update().clone()?;
            let more = matches!(told, Told::Next(_)).then_some((values, payer, false));
            Some((told, more))
        })
        .boxed()
    }
}

impl Inner {
    fn cohorts(&self) -> MutexGuard<'_, HashMap<ReadKey, Cohort>> {
        self.cohorts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(
        self: Arc<Self>,
        key: ReadKey,
        Cohort { values, payers }: Cohort,
        depends_on: Dependencies,
        execute: Execute,
    ) {
        let _listed = Listed {
            inner: self.clone(),
            key,
            values: values.clone(),
        };
        let mut seen = self.database.log().watch();
        // What was paid for and came to nothing is not paid for again.
        let mut paid = false;
        loop {
            if !paid {
                tokio::select! {
                    () = payers.pay() => paid = true,
                    () = values.closed() => match self.ends(&key, &values) {
                        true => return,
                        false => continue,
                    },
                }
            }
            seen.mark_unchanged();
            // Before it reads: what moves meanwhile moves this.
            let version = self.version(&depends_on);
            let began = Instant::now();
            self.executions.fetch_add(1, Ordering::Relaxed);
            let value = tokio::select! {
                value = execute(values.receiver_count()) => value,
                () = values.closed() => match self.ends(&key, &values) {
                    true => return,
                    false => continue,
                },
            };
            let failed = match value {
                Value::Told(told) => {
                    paid = false;
                    let failed = matches!(told, Told::Failed(_));
                    values.send_if_modified(|last| {
                        let moved = last.as_ref() != Some(&told);
                        *last = Some(told);
                        moved
                    });
                    failed
                }
                Value::Away(_) if values.borrow().is_some() => {
                    pause(AGAIN).await;
                    continue;
                }
                Value::Away(errors) => {
                    values.send_replace(Some(Told::Failed(errors)));
                    true
                }
            };
            if failed {
                return;
            }
            while self.version(&depends_on) == version {
                tokio::select! {
                    // What moves often is looked at no more often than it would be told.
                    _ = seen.changed() => pause(self.interval.saturating_sub(began.elapsed())).await,
                    () = pause(LOOK) => {}
                    () = values.closed() => match self.ends(&key, &values) {
                        true => return,
                        false => continue,
                    },
                }
            }
            // What else moves in the meantime is seen by the same execution.
            pause(self.interval.saturating_sub(began.elapsed())).await;
        }
    }

    fn version(&self, depends_on: &Dependencies) -> (u64, NaiveDate) {
        let today = day_in_shanghai(self.database.clock().business());
        (self.database.log().freshness().version(depends_on), today)
    }

    /// Ends a cohort that nobody has subscribed to meanwhile.
    fn ends(&self, key: &ReadKey, values: &watch::Sender<Option<Told>>) -> bool {
        let mut cohorts = self.cohorts();
        let ends = values.receiver_count() == 0;
        if ends {
            cohorts.remove(key);
        }
        ends
    }
}
