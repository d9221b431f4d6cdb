//! What branches do while the simulator runs.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{
    codes::Directory,
    plan::score,
    record::{ARRIVED, List, Record, Remark},
};
use crate::{
    demo::{
        District,
        dice::{Dice, Subject},
    },
    points::{Activity, EntryKind},
};

/// What they do: nothing that a health check of a whole year counts.
const ACTIVITIES: [Activity; 5] = [
    Activity::Volunteering,
    Activity::Study,
    Activity::JointActivity,
    Activity::DataUpkeep,
    Activity::Other,
];

/// Makes new entries, a few of which reverse or correct one of those before.
pub(super) struct Arrivals {
    dice: Dice,
    /// Places of the codes of branches, each its own.
    codes: Vec<u16>,
    earned: u32,
    reversals: u32,
    corrections: u32,
    /// The last event, unless it has been answered.
    last: Option<Record>,
}

impl Arrivals {
    pub fn new(district: &District, directory: &Directory, list: &List) -> Self {
        let regular = district.branches.iter().filter(|row| row.is_regular());
        let own = regular.filter_map(|row| directory.code_of(row.id));
        let places = own.filter_map(|code| list.codes.iter().position(|other| other == code));
        Self {
            dice: Dice::new(Subject::Arrivals),
            codes: places.filter_map(|place| u16::try_from(place).ok()).collect(),
            earned: ARRIVED,
            reversals: ARRIVED,
            corrections: ARRIVED,
            last: None,
        }
    }

    /// What happened a moment before a business time.
    pub fn next(&mut self, now: DateTime<Utc>) -> Record {
        let answered = match self.dice.below(12) {
            0 => self.last.take().map(|last| (EntryKind::Reversal, last)),
            1 => self.last.take().map(|last| (EntryKind::Correction, last)),
            _ => None,
        };
        match answered {
            Some((kind, target)) => self.answer(kind, target, now),
            None => {
                let happened = now - TimeDelta::seconds(self.dice.number(5, 240).into());
                self.earned += 1;
                let activity = self.dice.one_of(&ACTIVITIES).unwrap_or(Activity::Other);
                let record = Record {
                    id: 0,
                    number: self.earned,
                    refers_to: 0,
                    hundredths: score(&mut self.dice, activity),
                    code: self.dice.one(&self.codes),
                    revision: 1,
                    kind: EntryKind::Earn,
                    activity,
                    remark: Remark::None,
                    happened_at: happened.trunc_subsecs(0).timestamp(),
                    updated_at: 0,
                };
                self.last = Some(record);
                record
            }
        }
    }

    fn answer(&mut self, kind: EntryKind, target: Record, now: DateTime<Utc>) -> Record {
        let (number, remark) = match kind {
            EntryKind::Reversal => {
                self.reversals += 1;
                (self.reversals, Remark::EnteredTwice)
            }
            _ => {
                self.corrections += 1;
                (self.corrections, Remark::Score)
            }
        };
        Record {
            number,
            kind,
            remark,
            refers_to: target.number,
            hundredths: target.hundredths + 25,
            happened_at: now.timestamp(),
            ..target
        }
    }
}
