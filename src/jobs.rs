//! What a running service does by itself: the daily job, the sealing of the audit chain, housekeeping.
//!
//! Each job is a function that may run any number of times; this only says when. In replicas a lease sees to it
//! that one runs at a time.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::watch;

use crate::{
    audit::{self, RefusedAccess},
    branch::daily::move_terms,
    config::Config,
    points,
    rectification::daily::{move_lights, raise_overdue_terms},
    storage::{
        Database, StoreError, setting,
        write::{Actor, Failure, Write, WriteError},
    },
    telemetry::Transport,
};

/// How long a lease lasts unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often the sealer and the daily job look whether there is something to do.
const TICK: Duration = Duration::from_secs(2);
/// How often the head of the audit chain goes to the log, so that a tail cut off shows
/// (docs/ARCHITECTURE.md, Clocks and jobs).
const HEAD_EVERY: u32 = 1800;
/// How often entries in quarantine are looked through for those that can be booked now: every minute.
const SWEEP_EVERY: u32 = 30;
/// How often what is kept for a time only is pruned.
const PRUNE_EVERY: u32 = 900;

/// How long a stop waits for refused access to be written.
const LAST_WORD: Duration = Duration::from_secs(5);

/// How long what is kept for a time only is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Idempotency keys.
    pub idempotency_keys: TimeDelta,
    /// The change log.
    pub change_log: TimeDelta,
}

impl From<&Config> for Retention {
    fn from(config: &Config) -> Self {
        Self {
            idempotency_keys: TimeDelta::days(config.idempotency.retention_days.into()),
            change_log: TimeDelta::days(config.change_log.retention_days.into()),
        }
    }
}

/// The jobs of a running service.
pub struct Jobs {
    database: Database,
    refused: RefusedAccess,
    retention: Retention,
    holder: String,
}

impl Jobs {
    /// `holder` names this process in leases.
    pub fn new(database: Database, refused: RefusedAccess, retention: Retention, holder: String) -> Self {
        Self {
            database,
            refused,
            retention,
            holder,
        }
    }

    /// Runs them until `stop` turns true, which breaks off what runs, then writes what still waits.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count: u32 = 0;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let turn = self
                .database
                .telemetry()
                .map(|telemetry| telemetry.begin(Transport::Job, "jobs", "", None));
            // What is left in the middle is rolled back, and comes again with the next start: a database that does not answer
            // must not hold the stop up.
            let ticked = tokio::select! {
                ticked = self.tick(count) => Some(ticked),
                _ = stop.wait_for(|stop| *stop) => None,
            };
            if let Some(turn) = turn {
                turn.end(None);
            }
            let Some(ticked) = ticked else { break };
            if let Err(error) = ticked {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a job will be tried again"
                );
            }
            count = count.wrapping_add(1);
        }
        match tokio::time::timeout(LAST_WORD, self.refused.flush(&self.database, None)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "refused access was not written"
            ),
            Err(_) => tracing::warn!("refused access was not written: the database does not answer"),
        }
    }

    fn done(&self, job: &'static str) {
        if let Some(telemetry) = self.database.telemetry() {
            telemetry.job_done(job);
        }
    }

    async fn tick(&self, count: u32) -> Result<(), WriteError> {
        self.refused
            .flush(&self.database, Some(self.database.clock().machine()))
            .await?;
        if self.database.lease("jobs", &self.holder, LEASE).await?.is_none() {
            return Ok(());
        }
        daily(&self.database).await?;
        self.done("daily");
        if self.database.seals_afterwards() {
            self.database.seal_audit().await?;
            self.done("seal");
        }
        while self
            .database
            .housekeep(|transaction| Box::pin(points::merge_counts(transaction)))
            .await?
        {}
        self.done("rank_counts");
        if count.is_multiple_of(SWEEP_EVERY) {
            sweep_points(&self.database).await?;
            self.done("sweep_points");
        }
        if count.is_multiple_of(PRUNE_EVERY) {
            let now = self.database.clock().machine();
            self.database
                .prune(
                    now - self.retention.idempotency_keys,
                    now - self.retention.change_log,
                )
                .await?;
            self.done("prune");
        }
        if count.is_multiple_of(HEAD_EVERY) {
            let (position, link) = audit::store::head(self.database.reader()).await?;
            tracing::info!(position, link = hex::encode(link), "head of the audit chain");
        }
        Ok(())
    }
}

/// The daily job: writes change rows for whatever changed state with the date since it last ran. Its last day is kept
/// with what it wrote, so running it again, or in two replicas at once, does nothing.
pub async fn daily(database: &Database) -> Result<(), WriteError> {
    let today = database.clock().today();
    if done_on(setting::get(database.reader(), setting::DAILY_DONE_ON).await?)? == Some(today) {
        return Ok(());
    }
    database
        .write(Actor::job("daily"), None, today, |write, today| {
            Box::pin(move_states(write, *today))
        })
        .await?;
    Ok(())
}

async fn move_states(write: &mut Write<'_>, today: NaiveDate) -> Result<(), Failure> {
    let done = done_on(setting::lock(write, setting::DAILY_DONE_ON).await?)?;
    if done == Some(today) {
        // Another replica was first.
        return Err(Failure::Refused(Vec::new()));
    }
    // A new service has no day before; nothing has moved yet.
    let since = done.unwrap_or(today);
    move_terms(write, since, today).await?;
    move_lights(write, since, today).await?;
    raise_overdue_terms(write, since, today).await?;
    setting::set(write, setting::DAILY_DONE_ON, &today.to_string()).await?;
    Ok(())
}

/// Books entries of points that waited for a code which a branch has now, or for a time which has come.
pub async fn sweep_points(database: &Database) -> Result<(), WriteError> {
    let mut after = None;
    loop {
        let due = points::due(database.reader(), database.clock().business(), after).await?;
        for push in due.pushes {
            database
                .write(Actor::job("points-sweep"), None, push, |write, push| {
                    Box::pin(points::push::push(write, push))
                })
                .await?;
        }
        after = match due.after {
            Some(last) => Some(last),
            None => return Ok(()),
        };
    }
}

fn done_on(value: Option<String>) -> Result<Option<NaiveDate>, StoreError> {
    value
        .map(|text| {
            text.parse()
                .map_err(|_| StoreError::corrupt("setting.daily_done_on", &text))
        })
        .transpose()
}
