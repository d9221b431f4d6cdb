//! From page to page: what is asked for next, and when everything has been read.
//!
//! Pages shift while they are read: an item that is updated moves to the end, and all after it move up by one. So a walk goes by
//! the instants at which items were updated wherever it can. Pages by number begin anew at each instant that was reached, and
//! only where a whole page bears one instant, its second page is asked for. What moves just then, and what moves under a platform
//! that knows nothing but numbers, is for the next run's overlap and for the daily reading of the last days.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::PullFault;

/// How far a platform has been read: the last item's instant, as we read it and as the platform wrote it, and its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// When the item was last changed.
    pub at: DateTime<Utc>,
    /// The same in the platform's own words.
    pub text: String,
    /// The item's id, as the platform writes it.
    pub id: String,
}

/// A position that is this far ahead of our clock is not believed: everything before it would be passed over.
const AHEAD: TimeDelta = TimeDelta::hours(1);

impl Position {
    /// Whether an item may really have been changed then.
    pub fn is_credible(&self, now: DateTime<Utc>) -> bool {
        self.at <= now + AHEAD
    }

    /// Whether another is further on. How a platform orders its ids is its own business: at one instant the later one in
    /// the answer is further on.
    pub fn is_passed_by(&self, other: &Self) -> bool {
        other.at > self.at || (other.at == self.at && other.id != self.id)
    }
}

/// The later of two positions, the second where they bear one instant.
pub fn further(before: Option<Position>, after: Option<Position>) -> Option<Position> {
    match (before, after) {
        (Some(before), Some(after)) if after.at < before.at => Some(before),
        (before, after) => after.or(before),
    }
}

/// After what items are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Those updated after an instant, or at it.
    Instant(DateTime<Utc>),
    /// Those after an item.
    Item(Position),
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// None: everything.
    pub since: Option<Since>,
    /// The page's number, where pages have numbers.
    pub page: u32,
}

/// What a page told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many items it has.
    pub items: usize,
    /// The latest position among them.
    pub last: Option<Position>,
    /// Whether more follow, where the platform says so.
    pub more: Option<bool>,
    /// Tells whether two pages hold the same.
    pub print: u64,
}

/// Whether the walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is something to be asked for.
    Next,
    /// Everything has been read.
    Done,
}

/// By what a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gait {
    /// After an instant and an id.
    Item,
    /// Since an instant, which is this much before the last one seen: whether a platform takes it in or leaves it out,
    /// nothing is passed over.
    Instant(TimeDelta),
    /// The same; and by number where one instant fills pages. The first page's number.
    InstantAndPage(TimeDelta, u32),
    /// By number alone.
    Page(u32),
}

/// A platform that gives the same page again is asked so many times more.
const STALLS: u32 = 2;

/// A walk through everything since an instant.
#[derive(Clone, Debug)]
pub struct Walk {
    gait: Gait,
    /// How many items a full page has, where the platform was told.
    size: Option<usize>,
    ask: Ask,
    stalls: u32,
    print: Option<u64>,
}

impl Walk {
    /// Begins at an instant, or with everything.
    pub fn begin(gait: Gait, size: Option<u32>, since: Option<DateTime<Utc>>) -> Self {
        let (since, page) = match gait {
            Gait::Item | Gait::Instant(_) => (since, 0),
            Gait::InstantAndPage(_, first) => (since, first),
            Gait::Page(first) => (None, first),
        };
        Self {
            gait,
            size: size.and_then(|size| size.try_into().ok()),
            ask: Ask {
                since: since.map(Since::Instant),
                page,
            },
            stalls: 0,
            print: None,
        }
    }

    /// What to ask for now.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Goes on from a page.
    ///
    /// # Errors
    ///
    /// A platform that says that more follow and does not give it, and pages by which nobody can tell where one is.
    pub fn took(&mut self, seen: &Seen) -> Result<Step, PullFault> {
        let full = self.size.map_or(seen.items > 0, |size| seen.items >= size);
        if !seen.more.unwrap_or(full) {
            return Ok(Step::Done);
        }
        if seen.items == 0 {
            return Err(PullFault::Stuck);
        }
        let repeated = self.print.replace(seen.print) == Some(seen.print);
        if let Some(since) = self.further_on(seen) {
            self.ask.since = Some(since);
            self.ask.page = match self.gait {
                Gait::InstantAndPage(_, first) => first,
                _ => self.ask.page,
            };
            self.stalls = 0;
            return Ok(Step::Next);
        }
        match self.gait {
            Gait::Item | Gait::Instant(_) if seen.last.is_none() => Err(PullFault::NoPosition),
            Gait::Item | Gait::Instant(_) => self.stall(STALLS, PullFault::Stuck),
            Gait::InstantAndPage(_, first) if repeated && self.ask.page > first => {
                self.stall(1, PullFault::Stuck)
            }
            // It may be the page before, given twice, or the same items seen since a later instant.
            Gait::InstantAndPage(..) if repeated && self.stalls == 0 => self.stall(1, PullFault::Stuck),
            Gait::Page(_) if repeated && seen.more == Some(true) => self.stall(1, PullFault::Stuck),
            // Some give their last page again for every number beyond it.
            Gait::Page(_) if repeated => Ok(self.stall(1, PullFault::Stuck).unwrap_or(Step::Done)),
            Gait::InstantAndPage(..) | Gait::Page(_) => {
                self.ask.page += 1;
                self.stalls = 0;
                Ok(Step::Next)
            }
        }
    }

    /// Where a page leads to, if it leads anywhere.
    fn further_on(&self, seen: &Seen) -> Option<Since> {
        let last = seen.last.as_ref()?;
        match (self.gait, &self.ask.since) {
            (Gait::Item, Some(Since::Item(asked))) if !asked.is_passed_by(last) => None,
            (Gait::Item, Some(Since::Instant(asked))) if last.at < *asked => None,
            (Gait::Item, _) => Some(Since::Item(last.clone())),
            (Gait::Instant(step) | Gait::InstantAndPage(step, _), asked) => {
                let next = last.at - step;
                let leads = !matches!(asked, Some(Since::Instant(asked)) if next <= *asked);
                leads.then_some(Since::Instant(next))
            }
            (Gait::Page(_), _) => None,
        }
    }

    /// Asks the same again, but not for ever.
    fn stall(&mut self, most: u32, fault: PullFault) -> Result<Step, PullFault> {
        self.stalls += 1;
        if self.stalls > most {
            return Err(fault);
        }
        Ok(Step::Next)
    }
}
