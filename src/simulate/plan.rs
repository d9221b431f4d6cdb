//! What each branch did in the year, and what it earned: how the ledger is to end, before anything goes wrong on the
//! way to the platform's list.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::size::{Range, Size};
use crate::{
    branch::Domain,
    demo::{
        BUSINESS_DATE, District, applicants,
        dice::{Dice, Subject, date, instant, minus_days, plus_days},
        health::{self, Failing, Item},
        rows::BranchRow,
    },
    health_check::counted::Every,
    kernel::id::BranchId,
    points::Activity,
};

/// Of a hundred branches of a domain so many earn more than all others; those that apply for gold are among them. Fewer than may apply
/// for gold, so that nobody is left out by what a merged branch adds to another.
const TOP_PERCENT: usize = 26;

/// What an activity earns, in hundredths: one of these.
fn worth(activity: Activity) -> &'static [i32] {
    match activity {
        Activity::GeneralMeeting | Activity::PartyLecture => &[500],
        Activity::CommitteeMeeting => &[200],
        Activity::GroupMeeting => &[150],
        Activity::ThemeDay => &[300],
        Activity::LifeMeeting | Activity::DemocraticAppraisal => &[600],
        Activity::Volunteering => &[100, 150, 200, 250, 300],
        Activity::Study => &[50, 100, 150, 200],
        Activity::JointActivity => &[400, 500, 600, 800, 1000],
        Activity::DataUpkeep => &[50, 75],
        Activity::Other => &[50, 100, 325],
    }
}

/// What branches do beyond what is due, and how often of a hundred.
const BEYOND: [(Activity, usize); 8] = [
    (Activity::Volunteering, 34),
    (Activity::Study, 24),
    (Activity::DataUpkeep, 14),
    (Activity::Other, 9),
    (Activity::JointActivity, 8),
    (Activity::PartyLecture, 4),
    (Activity::CommitteeMeeting, 4),
    (Activity::GeneralMeeting, 3),
];

/// Of a hundred things that an applicant for gold does beyond what is due so many lie before the selection.
const EARLY: u32 = 45;
/// The day before the first of them apply, or a little earlier.
const BEFORE_SELECTION: NaiveDate = date(health::YEAR, 5, 6);

/// The first day of the year.
pub(super) const FIRST_DAY: NaiveDate = date(health::YEAR, 1, 1);

/// The last day that anything is dated: the demonstration's own is still running.
pub(super) fn last_day() -> NaiveDate {
    minus_days(BUSINESS_DATE, 1)
}

/// What a branch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub activity: Activity,
    pub at: DateTime<Utc>,
    pub hundredths: i32,
}

/// Draws what an activity earns: 0.5 to 10 points, now and then less than usual because not everybody came.
pub(super) fn score(dice: &mut Dice, activity: Activity) -> i32 {
    let usual = dice.one(worth(activity));
    let came = if dice.percent(15) {
        dice.number(80, 99)
    } else {
        100
    };
    (usual * came / 100).max(50)
}

/// The days on which a branch can do something in this year; none where it ended or began outside.
pub(super) fn open_days(branch: &BranchRow) -> Option<(NaiveDate, NaiveDate)> {
    let from = branch.founded_on.max(FIRST_DAY);
    let last = branch.ended_on.map_or(last_day(), |ended| minus_days(ended, 1));
    let to = last.min(last_day());
    (from <= to).then_some((from, to))
}

/// Makes the plans.
pub(super) struct Planner {
    dice: Dice,
    failing: HashMap<BranchId, Failing>,
    top: HashSet<BranchId>,
    applicants: HashSet<BranchId>,
    size: Size,
}

impl Planner {
    pub fn new(district: &District, size: Size) -> Self {
        let mut dice = Dice::new(Subject::Activities);
        let failing: HashMap<BranchId, Failing> = health::failing(district)
            .into_iter()
            .map(|failing| (failing.branch_id, failing))
            .collect();
        let applicants: HashSet<BranchId> = applicants::choose(district).into_iter().collect();
        let top = top(&mut dice, district, &failing, &applicants);
        Self {
            dice,
            failing,
            top,
            applicants,
            size,
        }
    }

    /// What a branch did, in no particular order.
    pub fn plan(&mut self, branch: &BranchRow) -> Vec<Deed> {
        let mut deeds = self.last_years(branch);
        let Some(open) = open_days(branch) else {
            return deeds;
        };
        let due = if branch.form == crate::branch::BranchForm::Temporary {
            Vec::new()
        } else {
            self.due(branch, open)
        };
        let earned: i32 = due.iter().map(|deed| deed.hundredths).sum();
        deeds.extend(due);
        let points = |dice: &mut Dice, (from, to): Range| dice.number(from * 100, to * 100);
        let more = if self.top.contains(&branch.id) {
            points(&mut self.dice, self.size.top()) - earned
        } else {
            // As much of a year's as there was of the year.
            let days = (open.1 - open.0).num_days() + 1;
            let whole = i64::from(points(&mut self.dice, self.size.beyond_due()));
            i32::try_from(whole * days / 365).unwrap_or_default()
        };
        self.beyond_due(branch, open, more, &mut deeds);
        deeds
    }

    /// What the health check asks for, but for what the branch is to miss.
    fn due(&mut self, branch: &BranchRow, open: (NaiveDate, NaiveDate)) -> Vec<Deed> {
        // 主题党日 is on the same day every month.
        let theme_day = self.dice.number(3, 25).unsigned_abs();
        let mut deeds = Vec::new();
        for item in health::items().filter(|item| item.applies_to(branch)) {
            for months in item.periods() {
                let day = self.day_of(&item, *months.start(), theme_day);
                if (open.0..=open.1).contains(&day) && !self.leaves_out(branch.id, item.activity, day) {
                    deeds.push(self.deed(item.activity, day));
                }
            }
        }
        deeds
    }

    fn day_of(&mut self, item: &Item, first_month: u32, theme_day: u32) -> NaiveDate {
        let month = match item.every {
            Every::Month => first_month,
            Every::Quarter => first_month + self.dice.number(0, 2).unsigned_abs(),
            // In the first quarter, on the year before.
            Every::HalfYear | Every::Year => self.dice.number(1, 3).unsigned_abs(),
        };
        let day = match item.activity {
            Activity::ThemeDay => theme_day,
            _ => self.dice.number(1, 28).unsigned_abs(),
        };
        date(health::YEAR, month, day)
    }

    /// Other things, until they have earned so many hundredths.
    fn beyond_due(
        &mut self,
        branch: &BranchRow,
        (from, to): (NaiveDate, NaiveDate),
        more: i32,
        deeds: &mut Vec<Deed>,
    ) {
        let mut earned = 0;
        while earned < more {
            let activity = self.beyond();
            // Who applies for gold has earned much by the spring: the selection looks at the points of the year so far.
            let early = self.applicants.contains(&branch.id) && self.dice.percent(EARLY);
            let until = if early { BEFORE_SELECTION } else { to };
            let day = self.dice.day(from, until);
            let small = activity == Activity::CommitteeMeeting && branch.member_count < 7;
            if small || self.leaves_out(branch.id, activity, day) {
                continue;
            }
            let deed = self.deed(activity, day);
            earned += deed.hundredths;
            deeds.push(deed);
        }
    }

    fn beyond(&mut self) -> Activity {
        let mut nth = self.dice.below(100);
        for (activity, share) in BEYOND {
            match nth.checked_sub(share) {
                None => return activity,
                Some(rest) => nth = rest,
            }
        }
        Activity::Other
    }

    /// A few things of the December before.
    fn last_years(&mut self, branch: &BranchRow) -> Vec<Deed> {
        let day = date(health::YEAR - 1, 12, self.dice.number(1, 31).unsigned_abs());
        let was_there = branch.founded_on <= day && branch.ended_on.is_none_or(|ended| day < ended);
        if self.dice.percent(10) && was_there {
            vec![self.deed(Activity::ThemeDay, day)]
        } else {
            Vec::new()
        }
    }

    fn deed(&mut self, activity: Activity, day: NaiveDate) -> Deed {
        let minutes = i64::from(self.dice.number(8 * 60, 18 * 60));
        Deed {
            activity,
            at: instant(day, minutes),
            hundredths: score(&mut self.dice, activity),
        }
    }

    fn leaves_out(&self, branch: BranchId, activity: Activity, day: NaiveDate) -> bool {
        self.failing
            .get(&branch)
            .is_some_and(|failing| failing.leaves_out(activity, day))
    }
}

/// The branches that earn more than all others of their domain: those that apply for gold, and some that were there all
/// year and pass their check.
fn top(
    dice: &mut Dice,
    district: &District,
    failing: &HashMap<BranchId, Failing>,
    applicants: &HashSet<BranchId>,
) -> HashSet<BranchId> {
    let mut top = applicants.clone();
    for &domain in Domain::ALL {
        let of_domain: Vec<&BranchRow> = district
            .branches
            .iter()
            .filter(|row| row.is_regular() && row.domain == domain)
            .collect();
        let mut others: Vec<BranchId> = of_domain
            .iter()
            .filter(|row| row.founded_on < minus_days(FIRST_DAY, 1))
            .map(|row| row.id)
            .filter(|id| !top.contains(id) && !failing.contains_key(id))
            .collect();
        dice.shuffle(&mut others);
        let applied = of_domain.iter().filter(|row| top.contains(&row.id)).count();
        others.truncate((of_domain.len() * TOP_PERCENT / 100).saturating_sub(applied));
        top.extend(others);
    }
    top
}

/// A day so many days after another, but not after the last one.
pub(super) fn later(day: NaiveDate, days: u64) -> NaiveDate {
    plus_days(day, days).min(last_day())
}
