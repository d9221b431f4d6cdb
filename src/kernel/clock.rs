//! Two clocks: the machine's, and the business clock that records and rules follow (Asia/Shanghai).
//!
//! Audit, change log, jobs, leases and tokens follow the machine; lights, term states, "this year",
//! future-dating and the instants of records follow the business clock. They differ only where a
//! demonstration's business date stands still.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, SubsecRound, Timelike as _, Utc};

/// Lets time pass. Only where that is what is waited for: a pace that others are owed, a deadline, a look now and then. Whoever
/// waits for something to happen waits for its event.
pub async fn pause(length: std::time::Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sleeps; each caller has its reason"
    )]
    tokio::time::sleep(length).await;
}

/// Source of the machine's time; tests hand in one they move by hand.
pub trait TimeSource: Send + Sync + 'static {
    /// The instant now.
    fn now(&self) -> DateTime<Utc>;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTime;

impl TimeSource for SystemTime {
    fn now(&self) -> DateTime<Utc> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that asks the operating system; everything else is handed a clock"
        )]
        Utc::now()
    }
}

/// Asia/Shanghai: UTC+8 without daylight saving since 1992.
pub const SHANGHAI: FixedOffset = match FixedOffset::east_opt(8 * 3600) {
    Some(offset) => offset,
    None => panic!("8 hours is an offset"), // while compiling, never at run time
};

/// The calendar day of an instant in Asia/Shanghai.
pub fn day_in_shanghai(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&SHANGHAI).date_naive()
}

/// When a calendar day begins in Asia/Shanghai.
pub fn midnight_in_shanghai(day: NaiveDate) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    // The offset never changes, so that there is one such instant; where the calendar ends, UTC's is as good.
    let at = local.and_local_timezone(SHANGHAI).single();
    at.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

/// An instant of RFC 3339 that both databases hold and order.
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.with_timezone(&Utc))
        .filter(|at| is_storable(*at))
}

/// Whether both databases hold an instant as it is: its year has four digits in UTC, and it is no leap second (`:60`), which one
/// of them moves into the next minute, and perhaps the next month, while the other keeps it.
pub fn is_storable(at: DateTime<Utc>) -> bool {
    (0..=9999).contains(&at.year()) && at.nanosecond() < 1_000_000_000
}

/// Both clocks of a running service.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn TimeSource>,
    business_date: Arc<OnceLock<NaiveDate>>,
}

impl Clock {
    /// Both clocks run by `source` until [`Clock::pin_business_date`] is called.
    pub fn new(source: Arc<dyn TimeSource>) -> Self {
        Self {
            source,
            business_date: Arc::default(),
        }
    }

    /// The operating system's clock for both.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemTime))
    }

    /// From now on the business date stands still here, for every clone of this clock; only its time of day
    /// runs. A demonstration's date is read from its database at start; the first one stands.
    pub fn pin_business_date(&self, date: NaiveDate) {
        let _ = self.business_date.set(date);
    }

    /// The machine's time, to the microsecond (what both databases hold).
    pub fn machine(&self) -> DateTime<Utc> {
        self.source.now().trunc_subsecs(6)
    }

    /// The business time, to the microsecond.
    pub fn business(&self) -> DateTime<Utc> {
        let now = self.machine();
        match self.business_date.get() {
            None => now,
            Some(date) => {
                let time = now.with_timezone(&SHANGHAI).time();
                date.and_time(time)
                    .and_local_timezone(SHANGHAI)
                    .single()
                    .map_or(now, |t| t.with_timezone(&Utc))
            }
        }
    }

    /// The business day in Asia/Shanghai.
    pub fn today(&self) -> NaiveDate {
        day_in_shanghai(self.business())
    }

    /// The business calendar year.
    pub fn year(&self) -> i32 {
        self.today().year()
    }

    /// The machine's instant of the next midnight in Asia/Shanghai, when states move with the date.
    pub fn next_midnight(&self) -> DateTime<Utc> {
        let today = self.machine().with_timezone(&SHANGHAI).date_naive();
        let tomorrow = today.checked_add_days(Days::new(1));
        tomorrow.map_or_else(|| self.machine(), midnight_in_shanghai)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static str);
    impl TimeSource for At {
        fn now(&self) -> DateTime<Utc> {
            self.0.parse().unwrap()
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let clock = Clock::new(Arc::new(At("2022-12-31T16:00:00Z")));
        assert_eq!(clock.today(), NaiveDate::from_ymd_opt(2023, 1, 1).unwrap());
        assert_eq!(
            clock.next_midnight(),
            "2023-01-01T16:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    #[test]
    fn a_demonstration_keeps_its_date_while_the_time_of_day_runs() {
        let date = NaiveDate::from_ymd_opt(2022, 12, 31).unwrap();
        let clock = Clock::new(Arc::new(At("2026-11-23T20:30:00.123456789Z")));
        clock.pin_business_date(date);
        // 04:30 in Shanghai.
        assert_eq!(
            clock.business(),
            "2022-12-30T20:30:00.123456Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert_eq!(clock.today(), date);
    }
}
