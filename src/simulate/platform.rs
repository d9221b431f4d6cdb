//! The platform behind its HTTP face: its list, its tokens, and what goes wrong.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::{
    arrivals::Arrivals,
    codes::Directory,
    faults::{Fault, Faults, Hits},
    page::{BadRequest, Listed, Page, Request},
    reckoning::Reckoning,
    record::List,
};
use crate::{
    demo::District,
    kernel::{clock::Clock, period::Period, points::Points},
};

/// How long a token is good.
pub(super) const TOKEN: TimeDelta = TimeDelta::seconds(300);
/// Rows that go to the end where pages shift.
const SHIFTED: usize = 3;

/// A platform's state.
pub struct Platform {
    list: List,
    directory: Directory,
    arrivals: Arrivals,
    clock: Clock,
    faults: Faults,
    /// What decides about faults.
    rng: ChaCha20Rng,
    /// Tokens and until when they are good, by the machine's clock.
    tokens: HashMap<String, DateTime<Utc>>,
    /// The page before, which a fault gives again.
    before: Option<(Vec<super::Record>, bool)>,
}

impl Platform {
    /// A platform with a list. `seed` is that of its faults.
    pub fn new(district: &District, mut list: List, clock: Clock, faults: Faults, seed: u64) -> Self {
        let directory = Directory::of(district);
        let arrivals = Arrivals::new(district, &directory, &list);
        list.run = clock.machine().format("%Y%m%dT%H%M%S").to_string();
        Self {
            list,
            directory,
            arrivals,
            clock,
            faults,
            rng: ChaCha20Rng::seed_from_u64(seed),
            tokens: HashMap::new(),
            before: None,
        }
    }

    /// Everything it lists now.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// What goes wrong from now on, and how often.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Lets other things go wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Draws what goes wrong with the next answer.
    pub(super) fn draw(&mut self) -> Hits {
        self.faults.draw(&mut self.rng)
    }

    /// Keeps a token.
    pub(super) fn grant(&mut self, token: String) {
        let now = self.clock.machine();
        self.tokens.retain(|_, until| now < *until);
        self.tokens.insert(token, now + TOKEN);
    }

    /// Whether a token is good; one that a fault lets expire is not, and never again.
    pub(super) fn takes(&mut self, token: &str, hits: &Hits) -> bool {
        if hits.has(Fault::ExpiredToken) {
            self.tokens.remove(token);
        }
        let now = self.clock.machine();
        self.tokens.get(token).is_some_and(|until| now < *until)
    }

    /// New entries that happened a moment ago. Listed now, or so many minutes ago, as by a writer that was slow to
    /// commit: behind the back of readers who have passed that place.
    ///
    /// They happen by the business clock, so that they are not dated ahead; the list's own instants are the machine's,
    /// which goes on where a business date stands still.
    pub fn arrive(&mut self, count: usize, minutes_ago: u32) {
        for _ in 0..count {
            let record = self.arrivals.next(self.clock.business());
            let now = self.clock.machine();
            match minutes_ago {
                0 => self.list.append(now, record),
                minutes => self.list.insert(now - TimeDelta::minutes(minutes.into()), record),
            }
        }
    }

    /// A page, with what goes wrong.
    pub(super) fn page(&mut self, request: &Request, hits: &Hits) -> Result<Listed, PageError> {
        let page = request.page(&self.list)?;
        let asked = (page.rows.clone(), page.has_more);
        let page = match self.before.replace(asked) {
            Some((rows, has_more)) if hits.has(Fault::RepeatedPage) => Page { rows, has_more },
            _ => page,
        };
        let listed = Listed::new(&self.list, page, hits, &mut self.rng)?;
        if hits.has(Fault::ShiftedPages) {
            self.shift();
        }
        Ok(listed)
    }

    /// Rows near the beginning go to the end, and there is a new one.
    fn shift(&mut self) {
        let now = self.clock.machine();
        for _ in 0..SHIFTED {
            let near = self.list.len().clamp(1, 50);
            self.list.touch(self.rng.random_range(0..near), now);
        }
        self.arrive(1, 0);
    }

    /// Totals of a month or year by code.
    pub fn totals(&self, period: Period) -> BTreeMap<String, Points> {
        let reckoning = Reckoning::of(&self.list, &self.directory);
        let totals = reckoning.totals(&self.directory, period).into_iter();
        totals.map(|(code, total)| (code.to_owned(), total)).collect()
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error(transparent)]
    Request(#[from] BadRequest),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
