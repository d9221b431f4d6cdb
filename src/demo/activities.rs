//! What pairings did together.

use chrono::NaiveDate;

use super::{
    dice::{Dice, date, minus_days, plus_days},
    rows::{ActivityRow, MemberRow},
};
use crate::kernel::id::{BranchId, PairingActivityId};

const TOPICS: [(&str, &str); 6] = [
    ("联合主题党日", "组织党员同上一堂课，交流支部工作做法。"),
    ("支部书记交流会", "围绕体检发现的短板，商定帮扶清单。"),
    ("共建志愿服务", "开展便民服务，群众反响良好。"),
    ("实训基地观摩学习", "观摩台账与阵地建设，形成整改建议。"),
    ("结对党课", "金牌支部书记送课上门。"),
    ("组织生活互学互评", "互派列席，现场点评。"),
];

/// Counts the activities of all pairings.
#[derive(Default)]
pub(super) struct Activities {
    count: i64,
}

impl Activities {
    /// One to four days in a pairing's time; the leads and the first partner always come.
    pub fn held(
        &mut self,
        dice: &mut Dice,
        starts_on: NaiveDate,
        ends_on: NaiveDate,
        leads: usize,
        members: &[MemberRow],
    ) -> Vec<ActivityRow> {
        let until = minus_days(ends_on, 3).min(date(2022, 12, 28));
        let mut days: Vec<NaiveDate> = (0..=dice.below(3))
            .map(|_| dice.day(plus_days(starts_on, 7), until))
            .collect();
        // What began in spring had two half-years to meet in.
        if starts_on < date(2021, 7, 1) {
            days.push(dice.day(plus_days(starts_on, 7), date(2021, 6, 30)));
        }
        days.sort_unstable();
        days.into_iter()
            .map(|held_on| self.held_on(dice, held_on, leads, members))
            .collect()
    }

    fn held_on(
        &mut self,
        dice: &mut Dice,
        held_on: NaiveDate,
        leads: usize,
        members: &[MemberRow],
    ) -> ActivityRow {
        self.count += 1;
        let (topic, outcome) = dice.one(&TOPICS);
        let mut branches: Vec<BranchId> = members
            .iter()
            .enumerate()
            .filter(|(place, _)| *place <= leads || dice.percent(75))
            .map(|(_, member)| member.branch_id)
            .collect();
        branches.sort_unstable();
        ActivityRow {
            id: PairingActivityId(self.count),
            held_on,
            topic: topic.to_owned(),
            outcome: dice.percent(80).then(|| outcome.to_owned()),
            branches,
        }
    }
}
