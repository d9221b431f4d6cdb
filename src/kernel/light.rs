//! How urgent a thing is (挂图作战): GREEN done, BLUE under way, AMBER due within seven days, RED overdue.

use chrono::{Days, NaiveDate};

/// The contract's `Light`; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Light {
    /// 逾期
    Red,
    /// 七日内到期
    Amber,
    /// 整改中
    Blue,
    /// 已销号
    Green,
}

/// Days before its due day in which a thing is amber.
const AMBER_DAYS: u64 = 7;

impl Light {
    /// Of a thing that is not done; BLUE where it has no due day.
    pub fn of_due(due_on: Option<NaiveDate>, today: NaiveDate) -> Self {
        match due_on {
            Some(due) if due < today => Light::Red,
            Some(due)
                if today
                    .checked_add_days(Days::new(AMBER_DAYS))
                    .is_none_or(|soon| due <= soon) =>
            {
                Light::Amber
            }
            _ => Light::Blue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_amber_in_the_seven_days_up_to_its_due_day() {
        let day = |d| NaiveDate::from_ymd_opt(2022, 12, d).unwrap();
        for (due, light) in [
            (9, Light::Red),
            (10, Light::Amber),
            (17, Light::Amber),
            (18, Light::Blue),
        ] {
            assert_eq!(Light::of_due(Some(day(due)), day(10)), light, "{due}");
        }
        assert_eq!(Light::of_due(None, day(10)), Light::Blue);
    }
}
