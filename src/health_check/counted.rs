//! What is counted of computed items: in how many of the quarters, months, half-years or years of the campaign something was held.

use chrono::{Datelike as _, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::model::ItemVerdict;

/// How often something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Every {
    /// 每月
    Month,
    /// 每季度
    Quarter,
    /// 每半年
    HalfYear,
    /// 每年
    Year,
}

impl Every {
    /// How many months.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::HalfYear => 6,
            Self::Year => 12,
        }
    }

    /// What several of them are called, in Chinese and in English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Month => ("月", "months"),
            Self::Quarter => ("季度", "quarters"),
            Self::HalfYear => ("半年", "half-years"),
            Self::Year => ("年", "years"),
        }
    }
}

/// The days within which a check counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// The first day of the campaign's window.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
    /// The day of founding, or of joining: periods count that begin later, or then.
    pub since: NaiveDate,
    /// The business day.
    pub today: NaiveDate,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Periods in which it was held.
    pub met: u32,
    /// Periods that count.
    pub of: u32,
    /// What they are.
    pub every: Every,
}

impl Counted {
    /// MET where it was held in every period that counts; NOT_APPLICABLE where none does.
    pub fn verdict(&self) -> ItemVerdict {
        match (self.met, self.of) {
            (_, 0) => ItemVerdict::NotApplicable,
            (met, of) if met >= of => ItemVerdict::Met,
            _ => ItemVerdict::NotMet,
        }
    }
}

/// Counts the periods of the calendar that lie in the window and after founding and have ended by the business day, and the
/// running one once it is met; `held` are days on which it was held, in any order.
pub fn count(every: Every, counting: Counting, held: &[NaiveDate]) -> Counted {
    let mut counted = Counted { met: 0, of: 0, every };
    let first = counting.from.max(counting.since);
    let mut begins = begin_of(every, counting.from);
    while let Some(next) = begins.checked_add_months(Months::new(every.months())) {
        if begins > counting.to || begins > counting.today {
            break;
        }
        let ends = next.pred_opt().unwrap_or(begins);
        if begins >= first && ends <= counting.to {
            // What is held tomorrow has not been held.
            let until = ends.min(counting.today);
            let is_met = held.iter().any(|day| (begins..=until).contains(day));
            counted.met += u32::from(is_met);
            counted.of += u32::from(is_met || ends <= counting.today);
        }
        begins = next;
    }
    counted
}

/// The first day of the period of the calendar that a day lies in.
fn begin_of(every: Every, day: NaiveDate) -> NaiveDate {
    let month = day.month0() / every.months() * every.months();
    NaiveDate::from_ymd_opt(day.year(), month + 1, 1).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn counted(every: Every, since: &str, today: &str, held: &[&str]) -> (u32, u32, ItemVerdict) {
        let counting = Counting {
            from: day("2022-01-01"),
            to: day("2022-12-31"),
            since: day(since),
            today: day(today),
        };
        let held: Vec<NaiveDate> = held.iter().map(|text| day(text)).collect();
        let counted = count(every, counting, &held);
        (counted.met, counted.of, counted.verdict())
    }

    #[test]
    fn the_running_period_counts_once_it_is_met() {
        use ItemVerdict::{Met, NotApplicable, NotMet};
        let quarters = |today, held| counted(Every::Quarter, "2010-01-01", today, held);
        assert_eq!(quarters("2022-02-01", &[]), (0, 0, NotApplicable));
        assert_eq!(quarters("2022-02-01", &["2022-01-31"]), (1, 1, Met));
        assert_eq!(quarters("2022-02-01", &["2022-02-02"]), (0, 0, NotApplicable));
        // A quarter ends on its last day.
        assert_eq!(quarters("2022-03-31", &[]), (0, 1, NotMet));
        assert_eq!(
            quarters("2022-12-31", &["2022-01-05", "2022-05-05", "2022-12-31"]),
            (3, 4, NotMet)
        );
        assert_eq!(
            quarters("2023-06-01", &["2021-12-31", "2023-01-01"]),
            (0, 4, NotMet)
        );
        assert_eq!(
            counted(
                Every::Month,
                "2010-01-01",
                "2022-03-10",
                &["2022-01-31", "2022-02-01", "2022-03-01"]
            ),
            (3, 3, Met)
        );
        assert_eq!(
            counted(Every::Year, "2010-01-01", "2022-12-30", &[]),
            (0, 0, NotApplicable)
        );
    }

    #[test]
    fn periods_before_founding_do_not_count() {
        use ItemVerdict::{Met, NotApplicable};
        assert_eq!(
            counted(
                Every::Quarter,
                "2022-04-02",
                "2022-12-31",
                &["2022-07-01", "2022-10-01"]
            ),
            (2, 2, Met)
        );
        assert_eq!(
            counted(Every::Quarter, "2022-04-01", "2022-06-30", &["2022-06-30"]),
            (1, 1, Met)
        );
        assert_eq!(
            counted(Every::HalfYear, "2022-07-02", "2022-12-31", &[]),
            (0, 0, NotApplicable)
        );
    }

    #[test]
    fn a_window_that_begins_within_a_period_leaves_it_out() {
        let counting = Counting {
            from: day("2022-02-01"),
            to: day("2022-11-30"),
            since: day("2010-01-01"),
            today: day("2022-12-31"),
        };
        let of = |every| count(every, counting, &[]).of;
        assert_eq!(
            (of(Every::Quarter), of(Every::Month), of(Every::Year)),
            (2, 10, 0)
        );
    }
}
