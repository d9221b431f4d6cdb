//! A rectification as it is kept.

use chrono::{DateTime, NaiveDate, Utc};

use super::model::{RectificationOrigin, RectificationState, Severity, SupportMeans};
use crate::{
    campaign::Aspect,
    kernel::{
        id::{BranchId, HealthCheckId, RectificationId},
        light::Light,
    },
};

/// A rectification as it stands; its steps are read when they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rectification {
    /// Its key.
    pub id: RectificationId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// The check that found it.
    pub health_check_id: Option<HealthCheckId>,
    /// Who found it.
    pub origin: RectificationOrigin,
    /// What it belongs to.
    pub aspect: Aspect,
    /// The item of a template it is about.
    pub item_code: Option<String>,
    /// What is wrong.
    pub title: String,
    /// 开方: what is to be done.
    pub prescription: Option<String>,
    /// 帮扶方式, in the order given.
    pub support: Vec<SupportMeans>,
    /// How grave it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: RectificationState,
    /// The day it was raised.
    pub raised_on: NaiveDate,
    /// The day by which it is to be put right.
    pub due_on: NaiveDate,
    /// The day it was closed, while it is.
    pub closed_on: Option<NaiveDate>,
    /// The day it is to be looked at again, while it is closed.
    pub next_review_on: Option<NaiveDate>,
    /// Who submitted it last.
    pub submitted_by: Option<String>,
    /// Grows with every step.
    pub version: i32,
    /// When it last changed, by the business clock.
    pub updated_at: DateTime<Utc>,
}

impl Rectification {
    /// Its light on a day: GREEN closed or waived, RED past due, AMBER due within so many days, else BLUE.
    pub fn light(&self, today: NaiveDate, amber_days: u32) -> Light {
        if self.state.is_open() {
            Light::of_due(Some(self.due_on), today, amber_days)
        } else {
            Light::Green
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, d).unwrap()
    }

    fn due(state: RectificationState, due_on: NaiveDate) -> Rectification {
        Rectification {
            id: RectificationId(1),
            branch_id: BranchId(1),
            health_check_id: None,
            origin: RectificationOrigin::Inspection,
            aspect: Aspect::Organization,
            item_code: None,
            title: "会议记录不全".to_owned(),
            prescription: None,
            support: Vec::new(),
            severity: Severity::Minor,
            state,
            raised_on: day(1),
            due_on,
            closed_on: None,
            next_review_on: None,
            submitted_by: Some("secretary-1".to_owned()),
            version: 1,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_light_follows_the_due_day_until_it_is_closed_or_waived() {
        let today = day(10);
        for (due_on, light) in [
            (day(9), Light::Red),
            (day(10), Light::Amber),
            (day(17), Light::Amber),
            (day(18), Light::Blue),
        ] {
            for state in RectificationState::OPEN {
                assert_eq!(due(state, due_on).light(today, 7), light, "{due_on} {state:?}");
            }
            for state in [RectificationState::Closed, RectificationState::Waived] {
                assert_eq!(due(state, due_on).light(today, 7), Light::Green);
            }
        }
        assert_eq!(
            due(RectificationState::Open, day(11)).light(today, 0),
            Light::Blue
        );
    }
}
