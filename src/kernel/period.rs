//! Periods that points are counted in: a calendar year or month in Asia/Shanghai.

use std::fmt;

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};

use super::clock::{day_in_shanghai, midnight_in_shanghai};

/// A calendar year or one of its months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    year: i32,
    /// From 1; none for the whole year.
    month: Option<u32>,
}

impl Period {
    /// A year, from 1 to 9999.
    pub fn of_year(year: i32) -> Option<Self> {
        (1..=9999).contains(&year).then_some(Self { year, month: None })
    }

    /// The month in which an instant lies.
    pub fn month_of(at: DateTime<Utc>) -> Self {
        let day = day_in_shanghai(at);
        Self {
            year: day.year(),
            month: Some(day.month()),
        }
    }

    /// The year that it is or belongs to.
    pub fn year(self) -> Self {
        Self { month: None, ..self }
    }

    /// The twelve months of its year.
    pub fn months(self) -> impl Iterator<Item = Self> {
        (1..=12).map(move |month| Self {
            month: Some(month),
            ..self
        })
    }

    /// `2022` or `2022-07`, and nothing looser.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| -> Option<u32> {
            let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
            only_digits.then(|| digits.parse().ok()).flatten()
        };
        let year = |digits: &str| Self::of_year(i32::try_from(number(digits)?).ok()?);
        match (text.len(), text.split_once('-')) {
            (4, None) => year(text),
            (7, Some((digits, month))) if digits.len() == 4 => {
                let month = number(month).filter(|month| (1..=12).contains(month))?;
                Some(Self {
                    month: Some(month),
                    ..year(digits)?
                })
            }
            _ => None,
        }
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month.unwrap_or(1), 1).unwrap_or(NaiveDate::MIN)
    }

    /// Its last day.
    pub fn last_day(self) -> NaiveDate {
        let months = if self.month.is_some() { 1 } else { 12 };
        let next = self.first_day().checked_add_months(Months::new(months));
        next.and_then(|day| day.pred_opt()).unwrap_or(NaiveDate::MAX)
    }

    /// When it begins, and when the next one does.
    pub fn bounds(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let next = self.last_day().succ_opt().unwrap_or(NaiveDate::MAX);
        (midnight_in_shanghai(self.first_day()), midnight_in_shanghai(next))
    }

    /// How it is stored, in the order of time: 202207 for July 2022, 202200 for 2022.
    pub fn number(self) -> i32 {
        self.year * 100 + self.month.map_or(0, |month| month.cast_signed())
    }

    /// The period of a stored number.
    pub fn from_number(number: i32) -> Option<Self> {
        let year = Self::of_year(number.div_euclid(100))?;
        match number.rem_euclid(100) {
            0 => Some(year),
            month @ 1..=12 => Some(Self {
                month: Some(month.cast_unsigned()),
                ..year
            }),
            _ => None,
        }
    }
}

/// As the contract writes it.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.month {
            None => write!(f, "{:04}", self.year),
            Some(month) => write!(f, "{:04}-{month:02}", self.year),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_months_are_read_and_nothing_else_is() {
        for text in ["2022", "2022-01", "2022-12", "0001", "9999-09"] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period.to_string(), text);
            assert_eq!(Period::from_number(period.number()), Some(period));
        }
        for text in [
            "",
            "22",
            "0000",
            "2022-00",
            "2022-13",
            "2022-1",
            "2022-123",
            "20220-1",
            "-022",
            "+022",
            "2022-+1",
            "2022/01",
            " 2022",
            "２０２２",
        ] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
        for number in [0, 12, 202_213, -202_200, i32::MAX, i32::MIN] {
            assert_eq!(Period::from_number(number), None, "{number}");
        }
    }

    #[test]
    fn a_month_begins_at_midnight_in_shanghai() {
        let month = |at: &str| Period::month_of(at.parse().unwrap()).to_string();
        assert_eq!(month("2022-12-31T15:59:59.999999Z"), "2022-12");
        assert_eq!(month("2022-12-31T16:00:00Z"), "2023-01");
        let december = Period::parse("2022-12").unwrap();
        assert_eq!(december.year(), Period::parse("2022").unwrap());
        assert!(december.months().any(|month| month == december));
    }
}
