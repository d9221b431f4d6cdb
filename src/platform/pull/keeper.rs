//! Keeps a run's lease, and sees what stands in its way: a pause, a freeze window, another holder, the end of the service.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::{sync::watch, time::Instant};

use super::LEASE;
use crate::{
    platform::{model::PullFault, schedule::Wake, settings::PullSettings, store},
    points::Source,
    storage::{Database, StoreError},
};

/// How often it looks while a page is under way.
const LOOK: Duration = Duration::from_secs(5);

pub(super) struct Keeper<'a> {
    database: &'a Database,
    source: &'a Source,
    lease: &'a str,
    holder: &'a str,
    fence: i64,
    settings: &'a PullSettings,
    renewed_at: DateTime<Utc>,
}

impl<'a> Keeper<'a> {
    /// Of a lease that was taken a moment ago.
    pub(super) fn new(
        database: &'a Database,
        source: &'a Source,
        lease: &'a str,
        holder: &'a str,
        fence: i64,
        settings: &'a PullSettings,
    ) -> Self {
        Self {
            renewed_at: database.clock().machine(),
            database,
            source,
            lease,
            holder,
            fence,
            settings,
        }
    }

    /// Ends with what stands in the way, and not before something does.
    pub(super) async fn watch(&mut self, wake: &Wake, stop: &mut watch::Receiver<bool>) -> PullFault {
        let mut ticks = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = wake.woken() => {}
                _ = stop.wait_for(|stop| *stop) => return PullFault::Stopped,
            }
            if let Err(fault) = self.look().await {
                return fault;
            }
        }
    }

    /// Whether nothing stands in the way.
    pub(super) async fn look(&mut self) -> Result<(), PullFault> {
        let now = self.database.clock().machine();
        if self.settings.schedule.freeze.until(now).is_some() {
            return Err(PullFault::Frozen);
        }
        let state = store::state(self.database.reader(), self.source.id).await;
        let state = state.map_err(|error| self.away(&error))?;
        if state.is_some_and(|state| state.paused) {
            return Err(PullFault::Paused);
        }
        self.renew_in_time().await
    }

    /// Renews the lease once a third of it is over.
    pub(super) async fn renew_in_time(&mut self) -> Result<(), PullFault> {
        let now = self.database.clock().machine();
        if now < self.renewed_at + LEASE / 3 {
            return Ok(());
        }
        let renewed = self.database.lease(self.lease, self.holder, LEASE).await;
        match renewed.map_err(|error| self.away(&error))? {
            // One that ran out and was taken again has another number.
            Some(lease) if lease.number == self.fence => {
                self.renewed_at = now;
                Ok(())
            }
            _ => Err(PullFault::BrokenOff),
        }
    }

    fn away(&self, error: &StoreError) -> PullFault {
        tracing::warn!(
            source = self.source.code,
            error = error as &dyn std::error::Error,
            "a pull lost the database"
        );
        PullFault::Storage
    }
}
