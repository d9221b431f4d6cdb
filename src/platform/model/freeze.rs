//! Freeze windows: days on which a platform is not to be asked, such as those of its yearly statistics.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};

use crate::kernel::clock::{day_in_shanghai, midnight_in_shanghai};

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Of every year, as (month, day); one that ends before it begins goes over the turn of the year.
    Yearly((u32, u32), (u32, u32)),
    /// Once.
    Once(NaiveDate, NaiveDate),
}

/// A text that is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be days such as \"06-20..06-30\" (every year), \"2026-10-01\" or \"2026-12-30..2027-01-02\"")]
pub struct FreezeError;

/// All freeze windows of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freeze(pub Vec<Window>);

enum Day {
    Yearly((u32, u32)),
    Once(NaiveDate),
}

impl Window {
    /// Reads a day or a range of days: `06-20..06-30`, `2026-10-01`.
    ///
    /// # Errors
    ///
    /// What is no day, a range of both kinds, and a range of dates that ends before it begins.
    pub fn parse(text: &str) -> Result<Self, FreezeError> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        match (read_day(from)?, read_day(to)?) {
            (Day::Yearly(from), Day::Yearly(to)) => Ok(Self::Yearly(from, to)),
            (Day::Once(from), Day::Once(to)) if from <= to => Ok(Self::Once(from, to)),
            _ => Err(FreezeError),
        }
    }

    fn holds(self, day: NaiveDate) -> bool {
        match self {
            Self::Once(from, to) => from <= day && day <= to,
            Self::Yearly(from, to) => {
                let day = (day.month(), day.day());
                match from <= to {
                    true => from <= day && day <= to,
                    false => from <= day || day <= to,
                }
            }
        }
    }
}

fn read_day(text: &str) -> Result<Day, FreezeError> {
    let text = text.trim();
    match text.len() {
        10 => text.parse().map(Day::Once).map_err(|_| FreezeError),
        5 => {
            // A leap year has every day that a year may have.
            let day: NaiveDate = format!("2024-{text}").parse().map_err(|_| FreezeError)?;
            Ok(Day::Yearly((day.month(), day.day())))
        }
        _ => Err(FreezeError),
    }
}

impl Freeze {
    /// When a window that holds this instant ends: at a midnight in Asia/Shanghai. None outside of all windows.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Where windows leave no day of two years open, the next day asks again.
        const FAR: u64 = 731;
        let today = day_in_shanghai(now);
        let holds = |day: &NaiveDate| self.0.iter().any(|window| window.holds(*day));
        if !holds(&today) {
            return None;
        }
        let days = (1..FAR).filter_map(|days| today.checked_add_days(Days::new(days)));
        let mut ends = days.map(|day| (day, midnight_in_shanghai(day)));
        let open = ends.find(|(day, _)| !holds(day));
        Some(open.map_or_else(|| now + TimeDelta::days(1), |(_, midnight)| midnight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(windows: &[&str], now: &str) -> Option<String> {
        let windows = windows.iter().map(|text| Window::parse(text).unwrap()).collect();
        let until = Freeze(windows).until(now.parse().unwrap())?;
        Some(until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn a_window_ends_at_midnight_in_shanghai() {
        let june = ["06-20..06-30"];
        assert_eq!(until(&june, "2026-06-19T15:59:59Z"), None);
        assert_eq!(
            until(&june, "2026-06-19T16:00:00Z").as_deref(),
            Some("2026-06-30T16:00:00Z")
        );
        assert_eq!(
            until(&june, "2027-06-30T15:59:59Z").as_deref(),
            Some("2027-06-30T16:00:00Z")
        );
        assert_eq!(until(&june, "2026-06-30T16:00:00Z"), None);
        assert_eq!(until(&[], "2026-06-25T00:00:00Z"), None);
    }

    #[test]
    fn windows_go_over_the_turn_of_the_year_and_into_one_another() {
        let turn = ["12-30..01-02"];
        assert_eq!(
            until(&turn, "2026-12-31T00:00:00Z").as_deref(),
            Some("2027-01-02T16:00:00Z")
        );
        assert_eq!(
            until(&turn, "2026-01-01T00:00:00Z").as_deref(),
            Some("2026-01-02T16:00:00Z")
        );
        assert_eq!(until(&turn, "2026-06-01T00:00:00Z"), None);
        let joined = ["2026-10-01..2026-10-07", "2026-10-08"];
        assert_eq!(
            until(&joined, "2026-10-03T00:00:00Z").as_deref(),
            Some("2026-10-08T16:00:00Z")
        );
        // A leap day, and a year without an open day.
        assert_eq!(
            until(&["02-29"], "2028-02-29T00:00:00Z").as_deref(),
            Some("2028-02-29T16:00:00Z")
        );
        assert!(until(&["01-01..12-31"], "2026-06-01T00:00:00Z").is_some());
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "06-31",
            "13-01",
            "2026-02-30",
            "06-20..2026-06-30",
            "2026-06-30..2026-06-20",
            "6-2",
            "06-20-06-30",
        ] {
            assert_eq!(Window::parse(text), Err(FreezeError), "{text}");
        }
    }
}
