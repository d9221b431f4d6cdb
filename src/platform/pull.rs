//! Pulling one source: when it is due, page after page, until everything has been read or something stands in the way.

mod keeper;
mod requests;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tokio::sync::watch;

use self::{keeper::Keeper, requests::Requests};
use super::{
    begin::{Begin, Begun, begin},
    finish::{Finish, finish},
    model::{Gait, Pace, PullFault, Retries, Seen, Step, Walk, further},
    port::{Page, Platform, PlatformError},
    reconcile::{Reconcile, reconcile},
    schedule::Wake,
    settings::{PagingBy, PullSettings},
    store,
    take::{Take, Taken, take},
};
use crate::{
    kernel::{
        clock::{day_in_shanghai, midnight_in_shanghai},
        period::Period,
    },
    points::{Entry, Push, Source, reconcile::compare},
    storage::{
        Database,
        write::{Actor, Outcome, WriteError},
    },
};

/// How long a lease lasts unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long a platform that would not say its totals is not asked for them.
const COMPARED_AGAIN: TimeDelta = TimeDelta::hours(1);
/// So many items none of which can be read are no accident: somebody has renamed a field.
const RENAMED: usize = 10;

/// Pulls one source.
pub struct Puller {
    database: Database,
    source: Source,
    settings: Arc<PullSettings>,
    platform: Arc<dyn Platform>,
    holder: String,
    wake: Wake,
    rng: ChaCha20Rng,
    /// Not before then is it asked again for totals, which it would not say.
    compare_at: Option<DateTime<Utc>>,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is not due, or somebody else is at it.
    Waits,
    /// A run has ended; why it did not read everything.
    Pulled(Option<PullFault>),
}

/// Why a run ended early, and how long the platform wants to be left alone.
type Early = PlatformError;

impl Puller {
    /// `holder` names this process in leases; `wake` ends a pause when something has been asked for.
    pub fn new(
        database: Database,
        source: Source,
        settings: Arc<PullSettings>,
        platform: Arc<dyn Platform>,
        holder: String,
        wake: Wake,
        rng: ChaCha20Rng,
    ) -> Self {
        Self {
            database,
            source,
            settings,
            platform,
            holder,
            wake,
            rng,
            compare_at: None,
        }
    }

    /// Which source it pulls.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What ends its task's pause.
    pub(super) fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Pulls the source if it is due and nobody else is at it; a run ends early when `stop` turns true.
    ///
    /// # Errors
    ///
    /// The database, before a run has begun or after it has ended. The run is closed by whoever begins the next.
    pub async fn turn(&mut self, stop: &mut watch::Receiver<bool>) -> Result<Turn, WriteError> {
        let now = self.database.clock().machine();
        let state = store::state(self.database.reader(), self.source.id).await?;
        let due = state.is_none_or(|state| state.is_due(now));
        if !due || self.settings.schedule.freeze.until(now).is_some() {
            return Ok(Turn::Waits);
        }
        let lease = format!("pull:{}", self.source.code);
        let Some(taken) = self.database.lease(&lease, &self.holder, LEASE).await? else {
            return Ok(Turn::Waits);
        };
        let turn = self.run(&lease, taken.number, stop).await;
        // Whoever comes next begins under a number of its own, at once.
        self.database.release(&lease, &self.holder).await?;
        turn
    }

    async fn run(
        &mut self,
        lease: &str,
        fence: i64,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Turn, WriteError> {
        let schedule = &self.settings.schedule;
        let input = Begin {
            source: self.source.id,
            fence,
            overlap: schedule.overlap,
            reread_days: schedule.reread_days,
        };
        let written = self
            .database
            .write(self.actor(), None, input, |write, input| {
                Box::pin(begin(write, input))
            })
            .await?;
        let Outcome::Done(begun) = written.outcome else {
            return Ok(Turn::Waits);
        };
        let mut keeper = Keeper::new(
            &self.database,
            &self.source,
            lease,
            &self.holder,
            fence,
            &self.settings,
        );
        let limits = &self.settings.limits;
        let retries = match begun.probe {
            true => 0,
            false => limits.retries,
        };
        let mut requests = Requests::new(
            &*self.platform,
            limits.requests_per_minute,
            Retries::new(retries, limits.retry_wait),
            ChaCha20Rng::from_rng(&mut self.rng),
        );
        let mut pages = 0;
        let ended = self
            .walk(&begun, fence, &mut keeper, &mut requests, stop, &mut pages)
            .await;
        let early = ended.err();
        if let Some(early) = &early {
            // What the platform said stands in the run: it may be about anybody.
            tracing::info!(
                source = self.source.code,
                pages,
                fault = early.fault.name(),
                "a pull ended early"
            );
        }
        let fault = early.as_ref().map(|early| early.fault.clone());
        let finished = Finish {
            source: self.source.id,
            run: begun.run,
            fence,
            pages,
            fault: fault.clone(),
            retry_after: early.and_then(|early| early.retry_after),
            rereads: begun.rereads,
            reread_from: begun.reread_from,
            pace: pace(&self.settings),
            jitter: self.rng.random(),
        };
        self.database
            .write(self.actor(), None, finished, |write, input| {
                Box::pin(finish(write, input))
            })
            .await?;
        if let Some(telemetry) = self.database.telemetry() {
            telemetry.pulled(
                &self.source.code,
                fault.as_ref().map_or("success", PullFault::name),
            );
        }
        if fault.is_none() {
            let compared = self.compare_totals(&mut keeper, &mut requests, stop).await?;
            if compared.is_none() {
                self.compare_at = Some(self.database.clock().machine() + COMPARED_AGAIN);
            }
        }
        Ok(Turn::Pulled(fault))
    }

    /// Page after page, until everything has been read.
    async fn walk(
        &self,
        begun: &Begun,
        fence: i64,
        keeper: &mut Keeper<'_>,
        requests: &mut Requests<'_>,
        stop: &mut watch::Receiver<bool>,
        pages: &mut i32,
    ) -> Result<(), Early> {
        let size = self.settings.paging.size_parameter.as_ref();
        let mut walk = Walk::begin(
            gait(&self.settings),
            size.map(|_| self.settings.paging.size),
            begun.since,
        );
        let mut position = begun.position.clone();
        loop {
            keeper.look().await?;
            let page = tokio::select! {
                page = requests.page(walk.ask()) => page?,
                fault = keeper.watch(&self.wake, stop) => return Err(fault.into()),
            };
            *pages += 1;
            let seen = seen(&page);
            let unreadable = all_unreadable(&page);
            let to = match unreadable {
                // What is read again once the configuration fits must not be passed over now.
                Some(_) => position.clone(),
                None => further(position.clone(), seen.last.clone()),
            };
            keeper.renew_in_time().await?;
            if !page.items.is_empty() {
                let input = Take {
                    run: begun.run,
                    fence,
                    from: position,
                    to: to.clone(),
                    push: Push {
                        source: self.source.id,
                        source_code: self.source.code.clone(),
                        entries: page.items.into_iter().map(|item| item.entry).collect(),
                    },
                };
                let taken = self.take(input).await?;
                tracing::debug!(source = self.source.code, counts = ?taken.counts, "a page was taken");
                if let Some(telemetry) = self.database.telemetry() {
                    let counts = taken.counts;
                    let of = |count: i32| u64::try_from(count).unwrap_or_default();
                    let kept_apart = of(counts.quarantined) + of(counts.conflicts);
                    telemetry.pushed(
                        &self.source.code,
                        of(counts.accepted),
                        of(counts.duplicates),
                        kept_apart,
                    );
                }
                if taken.paused {
                    return Err(PullFault::Paused.into());
                }
            }
            position = to;
            if let Some(fault) = unreadable {
                return Err(fault.into());
            }
            if walk.took(&seen)? == Step::Done {
                return Ok(());
            }
        }
    }

    /// Once a day, after everything has been read: what the platform says of this month and the last, beside the ledger. Asked
    /// like any page: no faster than it allows, and not once something stands in the way. None where it would not say.
    async fn compare_totals(
        &self,
        keeper: &mut Keeper<'_>,
        requests: &mut Requests<'_>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<()>, WriteError> {
        let clock = self.database.clock();
        let now = clock.machine();
        let state = store::state(self.database.reader(), self.source.id).await?;
        let today = day_in_shanghai(now);
        let is_done = state.is_some_and(|state| state.reconciled_on == Some(today));
        if self.settings.totals.is_none() || is_done || self.compare_at.is_some_and(|at| now < at) {
            return Ok(Some(()));
        }
        let this = Period::month_of(clock.business());
        let last = Period::month_of(midnight_in_shanghai(this.first_day()) - TimeDelta::seconds(1));
        let mut months = Vec::new();
        for month in [last, this] {
            let asked = tokio::select! {
                asked = requests.totals(month) => asked,
                fault = keeper.watch(&self.wake, stop) => Err(fault.into()),
            };
            match asked {
                Ok(Some(totals)) => {
                    let reader = self.database.reader();
                    months.push((month, compare(reader, &self.source, month, &totals).await?));
                }
                Ok(None) => {}
                Err(error) => {
                    // Points do not depend on it.
                    tracing::warn!(source = self.source.code, %month, fault = error.fault.name(), "totals could not be compared");
                    return Ok(None);
                }
            }
        }
        let input = Reconcile {
            source: self.source.clone(),
            months,
        };
        let written = self
            .database
            .write(self.actor(), None, input, |write, input| {
                Box::pin(reconcile(write, input))
            })
            .await?;
        if let Outcome::Done(compared) = written.outcome {
            tracing::info!(source = self.source.code, ?compared, "totals were compared");
        }
        Ok(Some(()))
    }

    async fn take(&self, input: Take) -> Result<Taken, PullFault> {
        let written = self
            .database
            .write(self.actor(), None, input, |write, input| {
                Box::pin(take(write, input))
            })
            .await;
        match written.map(|written| written.outcome) {
            Ok(Outcome::Done(taken)) => Ok(taken),
            Ok(Outcome::Refused(_)) => Err(PullFault::BrokenOff),
            Err(error) => {
                tracing::warn!(
                    source = self.source.code,
                    error = &error as &dyn std::error::Error,
                    "a page could not be written"
                );
                Err(PullFault::Storage)
            }
        }
    }

    fn actor(&self) -> Actor {
        Actor::job(&format!("pull {}", self.source.code))
    }
}

fn seen(page: &Page) -> Seen {
    let last = |readable: bool| {
        let items = page.items.iter().filter(|item| {
            let is_entry = matches!(item.entry, Entry::Delivered(_));
            is_entry == readable
        });
        let positions = items.filter_map(|item| item.position.clone());
        positions.fold(None, |last, next| further(last, Some(next)))
    };
    Seen {
        items: page.items.len(),
        // What else a row says that is no entry may be as wrong: it counts only where there is nothing better.
        last: last(true).or_else(|| last(false)),
        more: page.more,
        print: page.print,
    }
}

fn all_unreadable(page: &Page) -> Option<PullFault> {
    let mut rows = page.items.iter().map(|item| match &item.entry {
        Entry::Unreadable(row) => Some(row),
        Entry::Delivered(_) => None,
    });
    let first = rows.next()??;
    let fault = PullFault::AllUnreadable {
        items: page.items.len().try_into().unwrap_or(u32::MAX),
        detail: first.detail.clone(),
    };
    (page.items.len() >= RENAMED && rows.all(|row| row.is_some())).then_some(fault)
}

fn gait(settings: &PullSettings) -> Gait {
    let step = settings.times.step();
    match &settings.paging.by {
        PagingBy::Cursor { id: Some(_), .. } => Gait::Item,
        PagingBy::Cursor { id: None, .. } => Gait::Instant(step),
        PagingBy::Page {
            first,
            since: Some(_),
            ..
        } => Gait::InstantAndPage(step, *first),
        PagingBy::Page {
            first, since: None, ..
        } => Gait::Page(*first),
    }
}

fn pace(settings: &PullSettings) -> Pace {
    Pace {
        every: settings.schedule.every,
        failures: settings.limits.failures,
        cool_down: settings.limits.cool_down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::points::Points,
        platform::{model::Position, port::Item},
        points::{Activity, Delivered, EntryKind, Unreadable},
    };

    fn item(is_entry: bool, day: u32) -> Item {
        let at = format!("2022-07-{day:02}T00:00:00Z");
        let entry = Delivered {
            event_id: at.clone(),
            revision: 1,
            branch_code: "B1".to_owned(),
            kind: EntryKind::Earn,
            activity: Activity::Other,
            points: Points::ZERO,
            occurred_at: at.parse().unwrap(),
            refers_to: None,
            note: None,
        };
        Item {
            position: Some(Position {
                at: entry.occurred_at,
                text: at.clone(),
                id: day.to_string(),
            }),
            entry: match is_entry {
                true => Entry::Delivered(entry),
                false => Entry::Unreadable(Unreadable::new(&at, "points /score: missing")),
            },
        }
    }

    fn page(items: Vec<Item>) -> Page {
        Page {
            items,
            more: None,
            print: 0,
        }
    }

    #[test]
    fn a_row_that_is_no_entry_moves_nobody_past_entries() {
        let last = |items| seen(&page(items)).last.map(|position| position.id);
        assert_eq!(
            last(vec![item(true, 2), item(false, 9), item(true, 1)]).as_deref(),
            Some("2")
        );
        // Where there is nothing better, that is where a reader goes on.
        assert_eq!(last(vec![item(false, 3), item(false, 9)]).as_deref(), Some("9"));
        assert_eq!(last(Vec::new()), None);
    }

    #[test]
    fn a_few_rows_that_are_no_entries_are_an_accident_and_many_are_not() {
        let fault = |entries: usize, others: usize| {
            let items = (0..entries)
                .map(|_| item(true, 1))
                .chain((0..others).map(|_| item(false, 1)));
            all_unreadable(&page(items.collect()))
        };
        assert_eq!(fault(0, RENAMED - 1), None);
        assert_eq!(fault(1, RENAMED), None);
        assert_eq!(fault(0, 0), None);
        assert!(matches!(
            fault(0, RENAMED),
            Some(PullFault::AllUnreadable { items: 10, .. })
        ));
    }
}
