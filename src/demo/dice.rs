//! Chance that falls the same way every time, and the calendar.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha20Rng;

use super::SEED;

/// What chance is asked about. Each subject has a stream of its own, so that a change to one leaves the
/// rows of the others as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Branches = 1,
    Terms,
    Ended,
    Gold,
    Brands,
    Sites,
    Training,
    Pairings,
    Headcounts,
    Health,
    /// What branches did, and what it earned.
    Activities,
    /// What goes wrong on the way from a branch to its platform's list.
    Mishaps,
    /// What happens while the simulator runs.
    Arrivals,
    /// Who applies for gold.
    Applicants,
    /// When branches are examined, and what is found.
    Checks,
    /// How it is put right.
    Rectifications,
    /// What became of the applications for gold.
    Selection,
}

/// A stream of numbers. ChaCha20 is specified to the bit, so every platform sees the same.
pub(crate) struct Dice(ChaCha20Rng);

impl Dice {
    pub fn new(subject: Subject) -> Self {
        let mut chacha = ChaCha20Rng::seed_from_u64(SEED);
        chacha.set_stream(subject as u64);
        Self(chacha)
    }

    /// 0 to `count` - 1; 0 for an empty range.
    pub fn below(&mut self, count: usize) -> usize {
        // As u32: a usize would take another number of bytes on another platform.
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        self.0.random_range(0..count) as usize
    }

    /// `from` to `to`, both possible.
    pub fn number(&mut self, from: i32, to: i32) -> i32 {
        self.0.random_range(from..=to.max(from))
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.0.random_range(0..100) < chance
    }

    /// A day, both ends possible.
    pub fn day(&mut self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        let days = usize::try_from((to - from).num_days()).unwrap_or_default();
        plus_days(from, self.below(days + 1) as u64)
    }

    /// An instant of a working day in Shanghai, 9:00 to 16:59.
    pub fn instant(&mut self, day: NaiveDate) -> DateTime<Utc> {
        instant(day, 9 * 60 + self.below(8 * 60) as i64)
    }

    /// One of them.
    pub fn one<T: Copy + Default>(&mut self, among: &[T]) -> T {
        among.get(self.below(among.len())).copied().unwrap_or_default()
    }

    /// One of them, where there is one.
    pub fn one_of<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        among.get(self.below(among.len())).copied()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }
}

/// A day of the calendar; the tests see to it that each that is written here exists.
pub(crate) const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// So many minutes after midnight in Shanghai (UTC+8).
pub(crate) fn instant(day: NaiveDate, minutes: i64) -> DateTime<Utc> {
    (day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes - 8 * 60)).and_utc()
}

pub(crate) fn plus_days(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

pub(crate) fn minus_days(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

pub(crate) fn plus_months(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(day)
}

pub(crate) fn minus_years(day: NaiveDate, years: u32) -> NaiveDate {
    day.checked_sub_months(Months::new(12 * years)).unwrap_or(day)
}
