//! From what branches did to what the platform lists: entered late, twice, wrongly and put right again, under old and
//! unknown codes. However it went, the branch's points end where its plan has them.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    codes::Codes,
    plan::{Deed, last_day, later, score},
    record::{ABSENT, Record, Remark},
};
use crate::{
    demo::{
        dice::{Dice, Subject, date, instant, minus_days},
        rows::BranchRow,
    },
    kernel::{clock::day_in_shanghai, id::BranchId},
    points::EntryKind,
};

/// How often of a thousand entries.
const REVISED: usize = 14;
const CORRECTED: usize = 12;
const ENTERED_TWICE: usize = 14;
const REPEATED: usize = 16;
const LATE: usize = 45;

/// Enters what branches did into the list.
pub(super) struct Clerk<'a> {
    pub(super) dice: Dice,
    pub(super) codes: &'a Codes,
    /// Branches that have been there for long: what is entered for the wrong branch is entered for one of them.
    pub(super) others: Vec<BranchId>,
    records: Vec<Record>,
    earned: u32,
    reversals: u32,
    corrections: u32,
    /// Numbers of last year's events that reversals have named.
    pub(super) absent: u32,
}

impl<'a> Clerk<'a> {
    pub fn new(codes: &'a Codes, branches: &[BranchRow]) -> Self {
        let long_there = branches
            .iter()
            .filter(|row| row.is_regular() && row.founded_on < date(2017, 1, 1));
        Self {
            dice: Dice::new(Subject::Mishaps),
            codes,
            others: long_there.map(|row| row.id).collect(),
            records: Vec::new(),
            earned: 0,
            reversals: 0,
            corrections: 0,
            absent: ABSENT,
        }
    }

    /// All rows, in the order of the list.
    pub fn finish(mut self) -> Vec<Record> {
        // Stable: what was entered at one instant stays in the order in which it was made here.
        self.records.sort_by_key(|record| record.updated_at);
        for (record, id) in self.records.iter_mut().zip(1..) {
            record.id = id;
        }
        self.records
    }

    /// Enters a deed of a branch.
    pub fn enter(&mut self, branch: &BranchRow, deed: Deed) {
        // In the year before some codes belonged to others.
        let this_year = day_in_shanghai(deed.at) >= super::plan::FIRST_DAY;
        let code = if this_year {
            self.codes.one_of(branch.id, &mut self.dice)
        } else {
            self.codes.own(branch.id)
        };
        let mut nth = self.dice.below(1000);
        let mut falls = |share: usize| {
            let falls = nth < share;
            nth = if falls {
                usize::MAX
            } else {
                nth.saturating_sub(share)
            };
            falls
        };
        if falls(REVISED) && this_year {
            self.revised(branch, code, deed);
        } else if falls(CORRECTED) {
            self.corrected(code, deed);
        } else if falls(ENTERED_TWICE) {
            self.entered_twice(code, deed);
        } else if falls(REPEATED) {
            let record = self.earn(code, deed);
            self.repeat(record);
        } else if falls(LATE) {
            let record = self.earn(code, deed);
            let late = self.late(record);
            self.list(late);
        } else {
            let record = self.earn(code, deed);
            self.list(record);
        }
    }

    /// A new event, entered within three days.
    pub(super) fn earn(&mut self, code: u16, deed: Deed) -> Record {
        self.earned += 1;
        let minutes = self.dice.number(30, 3 * 24 * 60);
        self.record(EntryKind::Earn, self.earned, code, deed, minutes)
    }

    pub(super) fn record(
        &mut self,
        kind: EntryKind,
        number: u32,
        code: u16,
        deed: Deed,
        minutes: i32,
    ) -> Record {
        let record = Record {
            id: 0,
            number,
            refers_to: 0,
            hundredths: deed.hundredths,
            code,
            revision: 1,
            kind,
            activity: deed.activity,
            remark: Remark::None,
            happened_at: deed.at.timestamp(),
            updated_at: deed.at.timestamp_millis(),
        };
        self.after(record, deed.at, minutes)
    }

    /// Listed so many minutes after an instant, but never after the last day.
    pub(super) fn after(&mut self, record: Record, at: DateTime<Utc>, minutes: i32) -> Record {
        let last = instant(last_day(), 24 * 60 - 1);
        let listed = at + TimeDelta::minutes(minutes.into());
        let listed = if listed > last {
            // Somewhere between then and the end, where there is anything between.
            let room = (last - at).num_minutes().clamp(1, 1 << 20) as i32;
            at + TimeDelta::minutes(self.dice.number(1, room).into())
        } else {
            listed
        };
        let millis = TimeDelta::milliseconds(self.dice.number(0, 59_999).into());
        Record {
            updated_at: (listed + millis).timestamp_millis(),
            ..record
        }
    }

    pub(super) fn list(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Entered weeks later, with others: at a full hour, as a batch.
    fn late(&mut self, record: Record) -> Record {
        let day = day_in_shanghai(record.happened_at());
        let day = later(day, 14 + self.dice.below(40) as u64);
        let hour = self.dice.number(9, 17);
        let listed = instant(day, i64::from(hour) * 60);
        Record {
            updated_at: listed.timestamp_millis().max(record.happened_at * 1000),
            remark: Remark::Late,
            ..record
        }
    }

    /// Listed once more, the same: somebody opened it and saved it again.
    fn repeat(&mut self, record: Record) {
        self.list(record);
        let again = self.dice.number(5, 30 * 24 * 60);
        let again = self.after(record, record.updated_at(), again);
        self.list(again);
    }

    /// First entered with another score, day or branch; the last revision says what is so. At times the list has a
    /// later revision first.
    fn revised(&mut self, branch: &BranchRow, code: u16, deed: Deed) {
        let right = self.earn(code, deed);
        let mut revisions = vec![self.wrong(branch, right)];
        if self.dice.percent(20) {
            revisions.push(self.wrong(branch, right));
        }
        revisions.push(right);
        let out_of_order = self.dice.percent(20);
        let count = revisions.len();
        let mut minutes = 30;
        for (nth, record) in revisions.into_iter().enumerate() {
            minutes += self.dice.number(60, 6 * 24 * 60);
            let minutes = if out_of_order {
                (count - nth) as i32 * 1500
            } else {
                minutes
            };
            let record = self.after(record, deed.at, minutes);
            self.list(Record {
                revision: nth as u8 + 1,
                ..record
            });
        }
    }

    /// A record with something about it that is not so.
    fn wrong(&mut self, branch: &BranchRow, right: Record) -> Record {
        match self.dice.below(20) {
            0..8 => Record {
                hundredths: score(&mut self.dice, right.activity) + 50,
                remark: Remark::Score,
                ..right
            },
            8..14 => {
                // Weeks earlier: mostly in another month.
                let day = day_in_shanghai(right.happened_at());
                let earlier = minus_days(day, 15 + self.dice.below(60) as u64).max(branch.founded_on);
                let at = instant(earlier.min(day), 9 * 60);
                Record {
                    happened_at: at.timestamp().min(right.happened_at),
                    remark: Remark::Day,
                    ..right
                }
            }
            14..19 => {
                let other = self.dice.one_of(&self.others).unwrap_or(branch.id);
                Record {
                    code: self.codes.own(other),
                    remark: Remark::Branch,
                    ..right
                }
            }
            _ => Record {
                code: self.dice.one(&self.codes.strange),
                remark: Remark::Branch,
                ..right
            },
        }
    }

    /// The event with another score, which a correction puts right; of two the later one counts. At times a correction is
    /// listed before its event.
    fn corrected(&mut self, code: u16, deed: Deed) {
        let right = self.earn(code, deed);
        let wrong = Record {
            hundredths: score(&mut self.dice, deed.activity) + 25,
            ..right
        };
        let listed = wrong.updated_at();
        let early = self.dice.percent(25);
        let event = if early { self.late(wrong) } else { wrong };
        self.list(event);
        let twice = self.dice.percent(25);
        let first = listed + TimeDelta::minutes(self.dice.number(60, 5 * 24 * 60).into());
        if twice {
            let amount = deed.hundredths + 100;
            self.correction(event, first, amount);
        }
        let second = if twice {
            first + TimeDelta::minutes(45)
        } else {
            first
        };
        self.correction(event, second, deed.hundredths);
    }

    /// Corrections are dated when they were made, and listed in any order.
    fn correction(&mut self, event: Record, made_at: DateTime<Utc>, hundredths: i32) {
        self.corrections += 1;
        let made_at = made_at.min(instant(last_day(), 24 * 60 - 1));
        let deed = Deed {
            activity: event.activity,
            at: DateTime::from_timestamp(made_at.timestamp(), 0).unwrap_or(made_at),
            hundredths,
        };
        let minutes = self.dice.number(1, 2 * 24 * 60);
        let record = self.record(EntryKind::Correction, self.corrections, event.code, deed, minutes);
        self.list(Record {
            refers_to: event.number,
            remark: Remark::Score,
            ..record
        });
    }

    /// Entered once more as another event, which is then reversed: now and then twice, before it is listed itself, or by
    /// a reversal that first named the event that is right.
    fn entered_twice(&mut self, code: u16, deed: Deed) {
        let right = self.earn(code, deed);
        self.list(right);
        let copy = self.earn(code, deed);
        let early = self.dice.percent(40);
        let listed = if early { self.late(copy) } else { copy };
        self.list(listed);
        let times = 1 + usize::from(self.dice.percent(10));
        for _ in 0..times {
            self.reverse(copy, right.number);
        }
    }

    pub(super) fn reverse(&mut self, target: Record, other: u32) {
        let minutes = self.dice.number(20, 6 * 24 * 60);
        let reversal = self.reversal(target, minutes);
        if self.dice.percent(5) {
            self.list(Record {
                refers_to: other,
                ..reversal
            });
            let again = self.after(reversal, reversal.updated_at(), 90);
            self.list(Record { revision: 2, ..again });
        } else {
            self.list(reversal);
        }
    }

    /// A reversal made so many minutes after what it names was entered.
    pub(super) fn reversal(&mut self, target: Record, minutes: i32) -> Record {
        self.reversals += 1;
        let deed = Deed {
            activity: target.activity,
            at: DateTime::from_timestamp(target.updated_at / 1000, 0).unwrap_or_default(),
            // Some write the amount that they take back with a sign, some do not.
            hundredths: if self.dice.percent(50) {
                -target.hundredths
            } else {
                target.hundredths
            },
        };
        let record = self.record(EntryKind::Reversal, self.reversals, target.code, deed, minutes);
        Record {
            refers_to: target.number,
            remark: Remark::EnteredTwice,
            ..record
        }
    }
}
