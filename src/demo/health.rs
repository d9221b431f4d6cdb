//! What the year's health check is to find: 771 branches pass and 48 fail (docs/domain.md, 12).
//!
//! Of a check's items these can be computed from what branches did. A branch that passes meets each of them; one that
//! fails misses at least one that is mandatory. [`failing`] says which branches those are and what each misses; the
//! activities of the simulated platform follow it.

use std::collections::HashSet;

use chrono::{Datelike as _, NaiveDate};

use super::{
    District, OVERDUE,
    dice::{Dice, Subject, date},
    rows::BranchRow,
};
use crate::{
    health_check::{
        computed::{COMPUTED_ITEMS, Source},
        counted::Every,
    },
    kernel::id::BranchId,
    points::Activity,
    rectification::model::TERM_ITEM,
};

/// The year that is examined; its window is the calendar year.
pub const YEAR: i32 = 2022;
/// Branches whose check fails.
const FAILING: usize = 48;
/// An item that is met by one activity in every one of its periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its code in the check's template.
    pub code: &'static str,
    /// What is counted.
    pub activity: Activity,
    /// How often it is due.
    pub every: Every,
}

/// The items that are computed from activities, in the order of the template.
pub fn items() -> impl Iterator<Item = Item> {
    COMPUTED_ITEMS.iter().filter_map(|&(code, source)| match source {
        Source::Activity(activity, every) => Some(Item {
            code,
            activity,
            every,
        }),
        _ => None,
    })
}

impl Item {
    /// Whether it is asked of a branch. Below 7 members there is no branch committee; below 20 the demonstration's
    /// branches have no Party groups ([`has_groups`]).
    pub fn applies_to(&self, branch: &BranchRow) -> bool {
        match self.activity {
            Activity::CommitteeMeeting => branch.member_count >= COMMITTEE_FROM,
            Activity::GroupMeeting => has_groups(branch),
            _ => true,
        }
    }

    /// The months of each of the year's periods, in their order.
    pub fn periods(&self) -> impl Iterator<Item = std::ops::RangeInclusive<u32>> {
        let months = self.every.months();
        (1..=12)
            .step_by(months as usize)
            .map(move |first| first..=first + months - 1)
    }
}

/// Members from which on a branch has a committee (`Rules::committee_from_members` as it ships).
pub(super) const COMMITTEE_FROM: i32 = 7;

/// Whether a branch has Party groups; R-ORG-08 is not applicable to the others.
pub(super) fn has_groups(branch: &BranchRow) -> bool {
    branch.member_count >= 20
}

/// An item that a branch misses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The item's code.
    pub item: &'static str,
    /// The months in which what it counts was not done; none for [`TERM_ITEM`].
    pub months: Vec<u32>,
}

/// A branch whose check fails, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The branch.
    pub branch_id: BranchId,
    /// What it misses; at least one mandatory item.
    pub misses: Vec<Miss>,
}

impl Failing {
    /// Whether an activity was not done in the month of a day.
    pub fn leaves_out(&self, activity: Activity, day: NaiveDate) -> bool {
        let counts = |miss: &Miss| items().any(|item| item.activity == activity && item.code == miss.item);
        day.year() == YEAR
            && self
                .misses
                .iter()
                .any(|miss| miss.months.contains(&day.month()) && counts(miss))
    }
}

/// The branches whose check fails, in the order of their ids: those whose term has run out, and others that were there
/// all year and bear no gold title. What they miss lies before December, so that it is missed on any of its days.
pub fn failing(district: &District) -> Vec<Failing> {
    let mut dice = Dice::new(Subject::Health);
    let gold: HashSet<BranchId> = district
        .gold_titles
        .iter()
        .filter(|title| title.revoked_on.is_none())
        .map(|title| title.branch_id)
        .collect();
    let overdue = |row: &BranchRow| OVERDUE.contains(&row.code.as_str());
    let mut others: Vec<&BranchRow> = district
        .branches
        .iter()
        .filter(|row| row.is_regular() && row.founded_on < date(YEAR, 1, 1))
        .filter(|row| !gold.contains(&row.id) && !overdue(row))
        .collect();
    dice.shuffle(&mut others);
    let late = district.branches.iter().filter(|row| overdue(row));
    let mut failing: Vec<Failing> = late
        .map(|row| (row, true))
        .chain(others.into_iter().map(|row| (row, false)))
        .take(FAILING)
        .enumerate()
        .map(|(nth, (row, overdue))| Failing {
            branch_id: row.id,
            misses: misses(&mut dice, nth, row, overdue),
        })
        .collect();
    failing.sort_by_key(|failing| failing.branch_id);
    failing
}

/// What a branch misses; the courses take turns.
fn misses(dice: &mut Dice, nth: usize, branch: &BranchRow, overdue: bool) -> Vec<Miss> {
    let codes: &[&'static str] = match (overdue, nth % 4) {
        (true, 0 | 2) => &[TERM_ITEM],
        (true, _) => &[TERM_ITEM, "R-LIFE-02"],
        (false, 0) => &["R-LIFE-03", "R-DEC-02"],
        (false, 1) => &["R-DEC-01", "R-LIFE-02"],
        (false, 2) => &["R-LIFE-03", "R-LIFE-05", "R-LIFE-04"],
        (false, _) => &["R-DEC-01", "R-LIFE-01"],
    };
    let mut misses: Vec<Miss> = Vec::new();
    for &code in codes {
        match items().find(|item| item.code == code) {
            Some(item) if !item.applies_to(branch) => {}
            item => misses.push(Miss {
                item: code,
                months: item.map(|item| months(dice, &item)).unwrap_or_default(),
            }),
        }
    }
    misses
}

fn months(dice: &mut Dice, item: &Item) -> Vec<u32> {
    match item.every {
        Every::Month => {
            let mut months: Vec<u32> = (1..=11).collect();
            dice.shuffle(&mut months);
            months.truncate(1 + dice.below(3));
            months.sort_unstable();
            months
        }
        // One of the first three.
        Every::Quarter => item
            .periods()
            .nth(dice.below(3))
            .map(Iterator::collect)
            .unwrap_or_default(),
        Every::HalfYear | Every::Year => (1..=12).collect(),
    }
}
