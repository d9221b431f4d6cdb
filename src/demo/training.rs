//! Training records. Those for secretaries and Party workers in the window count 1,328 persons and 1,846
//! attendances; members' trainings and earlier ones name others besides.

use super::{
    BUSINESS_DATE, FIGURES_FROM,
    dice::{Dice, Subject, date, minus_days},
    organizations::{DISTRICT, committee, committees},
    rows::{BranchRow, SiteRow, TrainingRow},
};
use crate::{
    branch::BranchStatus,
    kernel::id::{BranchId, TrainingRecordId},
    training::{Participant, ParticipantKey, SiteKind, TrainingAudience, TrainingKind},
};

/// Persons trained in the window, each once at least, and how often they came.
const PERSONS: usize = 1328;
const ATTENDANCES: usize = 1846;
/// Records in the window for secretaries and Party workers; for members; and before the window.
const COUNTED: usize = 64;
const MEMBERS: usize = 40;
const EARLIER: usize = 14;

const TOPICS: [&str; 8] = [
    "支部书记履职能力提升",
    "支部工作条例专题",
    "发展党员工作实务",
    "组织生活会怎么开",
    "党费与档案管理",
    "基层治理案例研讨",
    "支部品牌创建工作坊",
    "换届选举工作实务",
];
const MEMBER_TOPICS: [&str; 5] = [
    "党的二十大精神学习",
    "党史学习教育专题",
    "红色体检知识讲座",
    "志愿服务技能实训",
    "廉洁教育主题党课",
];
/// The plain reference of a person who does not exist.
fn reference(number: usize) -> String {
    format!("demo-person-{number:04}")
}

struct Trainings<'a> {
    dice: Dice,
    key: &'a ParticipantKey,
    branches: &'a [BranchRow],
    sites: &'a [SiteRow],
    rows: Vec<TrainingRow>,
}

pub(super) fn build(key: &ParticipantKey, branches: &[BranchRow], sites: &[SiteRow]) -> Vec<TrainingRow> {
    let mut trainings = Trainings {
        dice: Dice::new(Subject::Training),
        key,
        branches,
        sites,
        rows: Vec::new(),
    };
    for (nth, persons) in trainings.attendances().into_iter().enumerate() {
        let held_on = match nth {
            0 => FIGURES_FROM,
            1 => BUSINESS_DATE,
            _ => trainings.dice.day(FIGURES_FROM, BUSINESS_DATE),
        };
        let audience = if nth % 3 == 2 {
            TrainingAudience::PartyWorker
        } else {
            TrainingAudience::Secretary
        };
        trainings.push(nth, audience, held_on, persons);
    }
    for nth in 0..MEMBERS {
        let held_on = trainings.dice.day(FIGURES_FROM, BUSINESS_DATE);
        let persons = trainings.some_of(PERSONS - 200, PERSONS + 900, 25);
        trainings.push(nth, TrainingAudience::Member, held_on, persons);
    }
    for nth in 0..EARLIER {
        let held_on = match nth {
            0 => minus_days(FIGURES_FROM, 1),
            _ => trainings.dice.day(date(2019, 1, 10), date(2020, 6, 29)),
        };
        let persons = trainings.some_of(PERSONS - 300, PERSONS + 1400, 30);
        trainings.push(nth, TrainingAudience::Secretary, held_on, persons);
    }
    trainings.rows
}

impl Trainings<'_> {
    /// Who came to each counted record: everybody to one, some to a second.
    fn attendances(&mut self) -> Vec<Vec<usize>> {
        let mut records: Vec<Vec<usize>> = vec![Vec::new(); COUNTED];
        let mut second: Vec<usize> = (0..PERSONS).collect();
        self.dice.shuffle(&mut second);
        second.truncate(ATTENDANCES - PERSONS);
        let mut comes_twice = vec![false; PERSONS];
        for person in second {
            if let Some(twice) = comes_twice.get_mut(person) {
                *twice = true;
            }
        }
        for (person, twice) in comes_twice.into_iter().enumerate() {
            // Every record has somebody.
            let first = if person < COUNTED {
                person
            } else {
                self.dice.below(COUNTED)
            };
            if let Some(record) = records.get_mut(first) {
                record.push(person + 1);
            }
            if twice {
                let other = (first + 1 + self.dice.below(COUNTED - 1)) % COUNTED;
                if let Some(record) = records.get_mut(other) {
                    record.push(person + 1);
                }
            }
        }
        records
    }

    /// `count` to half as many more of the persons in a range of numbers.
    fn some_of(&mut self, from: usize, to: usize, count: usize) -> Vec<usize> {
        let mut persons: Vec<usize> = (from..to).collect();
        self.dice.shuffle(&mut persons);
        persons.truncate(count + self.dice.below(count / 2));
        persons
    }

    fn push(
        &mut self,
        nth: usize,
        audience: TrainingAudience,
        held_on: chrono::NaiveDate,
        persons: Vec<usize>,
    ) {
        // Every fourth is the district's; the others go round the committees.
        let number = nth % committees().count() + 1;
        let organizer_id = if nth.is_multiple_of(4) {
            DISTRICT
        } else {
            committee(number)
        };
        let topics: &[&str] = if audience == TrainingAudience::Member {
            &MEMBER_TOPICS
        } else {
            &TOPICS
        };
        let kinds = TrainingKind::ALL;
        let kind = kinds.get(self.dice.below(kinds.len())).copied();
        let kind = kind.unwrap_or(TrainingKind::Centralized);
        let bases: Vec<_> = self
            .sites
            .iter()
            .filter(|site| {
                site.kind == SiteKind::TrainingBase && site.upgraded_on.is_some_and(|day| day <= held_on)
            })
            .map(|site| site.id)
            .collect();
        let base = bases.get(self.dice.below(bases.len())).copied();
        let mut participants: Vec<Participant> = persons
            .into_iter()
            .filter_map(|person| self.key.hash(&reference(person)))
            .collect();
        participants.sort_unstable();
        let id = TrainingRecordId(self.rows.len() as i64 + 1);
        let topic = self.dice.one(topics);
        let quarter_hours = self.dice.number(2, 32);
        let branches = self.branches_of(organizer_id == DISTRICT, number, held_on, participants.len());
        self.rows.push(TrainingRow {
            id,
            topic: format!("{topic}培训（演示）"),
            kind,
            audience,
            held_on,
            quarter_hours,
            organizer_id,
            site_id: base.filter(|_| matches!(kind, TrainingKind::Practical | TrainingKind::Centralized)),
            branches,
            participants,
        });
    }

    /// The branches that sent somebody: those of the organizer that were there that day.
    fn branches_of(
        &mut self,
        district: bool,
        number: usize,
        held_on: chrono::NaiveDate,
        most: usize,
    ) -> Vec<BranchId> {
        let mut branches: Vec<BranchId> = self
            .branches
            .iter()
            .filter(|row| district || row.committee_id == committee(number))
            .filter(|row| row.founded_on <= held_on && row.ended_on.is_none_or(|ended| held_on < ended))
            .filter(|row| row.status == BranchStatus::Active || row.founded_on < FIGURES_FROM)
            .map(|row| row.id)
            .collect();
        // The first branch of its committee never stays away.
        let mut rest = branches.split_off(branches.iter().take_while(|id| id.0 <= 3).count());
        self.dice.shuffle(&mut rest);
        branches.extend(rest);
        branches.truncate(most.min(30));
        branches.sort_unstable();
        branches
    }
}
