//! How urgent a thing is (挂图作战): GREEN done, BLUE under way, AMBER due soon, RED overdue.

use chrono::{Days, NaiveDate};

/// The contract's `Light`; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Light {
    /// 逾期
    Red,
    /// 七日内到期: seven days, unless a deployment says otherwise
    Amber,
    /// 整改中
    Blue,
    /// 已销号
    Green,
}

impl Light {
    /// Of a thing that is not done, AMBER from so many days before its due day; BLUE where it has none.
    pub fn of_due(due_on: Option<NaiveDate>, today: NaiveDate, amber_days: u32) -> Self {
        match due_on {
            Some(due) if due < today => Light::Red,
            Some(due)
                if today
                    .checked_add_days(Days::new(amber_days.into()))
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
    fn a_thing_is_amber_in_the_days_up_to_its_due_day() {
        let day = |d| NaiveDate::from_ymd_opt(2022, 12, d).unwrap();
        for (due, light) in [
            (9, Light::Red),
            (10, Light::Amber),
            (17, Light::Amber),
            (18, Light::Blue),
        ] {
            assert_eq!(Light::of_due(Some(day(due)), day(10), 7), light, "{due}");
        }
        assert_eq!(Light::of_due(None, day(10), 7), Light::Blue);
    }
}
