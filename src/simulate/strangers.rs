//! Entries that will wait: under codes that nobody has on that day, for events that the platform no longer lists, dated
//! ahead.

use chrono::{DateTime, Utc};

use super::{
    mishaps::Clerk,
    plan::{Deed, FIRST_DAY, last_day, score},
    record::{Record, Remark},
};
use crate::{
    demo::{
        dice::{date, instant, minus_days},
        rows::BranchRow,
    },
    kernel::id::BranchId,
    points::{Activity, EntryKind},
};

impl Clerk<'_> {
    /// What will wait: so many of each kind of entries under codes that nobody has on that day, now and then reversed
    /// or before their branch was founded; of reversals of last year's events; of entries dated ahead.
    pub fn strangers(&mut self, count: usize, branches: &[BranchRow]) {
        for _ in 0..count {
            let code = if self.dice.percent(30) {
                self.dice.one(&self.codes.ended)
            } else {
                self.dice.one(&self.codes.strange)
            };
            let day = self.dice.day(FIRST_DAY, last_day());
            let record = self.stray(code, instant(day, 10 * 60));
            self.list(record);
            if self.dice.percent(10) {
                self.reverse(record, record.number);
            }
        }
        for branch in branches
            .iter()
            .filter(|row| row.founded_on > date(2022, 2, 1))
            .take(count)
        {
            let at = instant(minus_days(branch.founded_on, 9), 10 * 60);
            let record = self.stray(self.codes.own(branch.id), at);
            self.list(record);
        }
        for _ in 0..count / 3 {
            self.last_years_reversal();
        }
        for _ in 0..count / 8 {
            self.ahead();
        }
    }

    fn stray(&mut self, code: u16, at: DateTime<Utc>) -> Record {
        let activity = self.dice.one_of(Activity::ALL).unwrap_or(Activity::Other);
        let hundredths = score(&mut self.dice, activity);
        self.earn(
            code,
            Deed {
                activity,
                at,
                hundredths,
            },
        )
    }

    fn last_years_reversal(&mut self) {
        self.absent += 1;
        let day = self.dice.day(FIRST_DAY, date(2022, 3, 31));
        let other = self.dice.one_of(&self.others).unwrap_or(BranchId(1));
        let activity = Activity::ThemeDay;
        let deed = Deed {
            activity,
            at: instant(day, 11 * 60),
            hundredths: score(&mut self.dice, activity),
        };
        let target = self.record(EntryKind::Earn, self.absent, self.codes.own(other), deed, 0);
        let reversal = self.reversal(target, 60);
        self.list(Record {
            remark: Remark::LastYears,
            ..reversal
        });
    }

    /// Planned for the year to come, entered now.
    fn ahead(&mut self) {
        let day = self.dice.day(date(2023, 1, 3), date(2023, 2, 28));
        let other = self.dice.one_of(&self.others).unwrap_or(BranchId(1));
        let record = self.stray(self.codes.own(other), instant(day, 9 * 60));
        let entered = self.dice.day(date(2022, 12, 1), minus_days(last_day(), 1));
        let record = self.after(record, instant(entered, 15 * 60), 30);
        self.list(record);
    }
}
