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
use crate::{kernel::id::BranchId, points::Activity};

/// The year that is examined; its window is the calendar year.
pub const YEAR: i32 = 2022;
/// Branches whose check fails.
const FAILING: usize = 48;
/// The item of a term that ran out without an election. It comes from terms, not from activities.
pub const TERM_ITEM: &str = "R-ORG-05";

/// How often an activity is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Once a month.
    Month,
    /// Once a quarter.
    Quarter,
    /// Once a year.
    Year,
}

impl Span {
    /// How many months it has.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }

    /// The months of each of the year's spans, in their order.
    pub fn periods(self) -> impl Iterator<Item = std::ops::RangeInclusive<u32>> {
        let months = self.months();
        (1..=12)
            .step_by(months as usize)
            .map(move |first| first..=first + months - 1)
    }
}

/// An item that is met by one activity in every span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its code in the check's template.
    pub code: &'static str,
    /// What is counted.
    pub activity: Activity,
    /// In which spans.
    pub span: Span,
    /// Whether a check fails that misses it.
    pub mandatory: bool,
}

const fn item(code: &'static str, activity: Activity, span: Span, mandatory: bool) -> Item {
    Item {
        code,
        activity,
        span,
        mandatory,
    }
}

/// The items that are computed from activities.
pub const ITEMS: [Item; 7] = [
    item("R-DEC-01", Activity::GeneralMeeting, Span::Quarter, true),
    item("R-DEC-02", Activity::CommitteeMeeting, Span::Month, false),
    item("R-LIFE-01", Activity::GroupMeeting, Span::Month, false),
    item("R-LIFE-02", Activity::PartyLecture, Span::Quarter, false),
    item("R-LIFE-03", Activity::ThemeDay, Span::Month, true),
    item("R-LIFE-04", Activity::LifeMeeting, Span::Year, false),
    item("R-LIFE-05", Activity::DemocraticAppraisal, Span::Year, true),
];

impl Item {
    /// Whether it is asked of a branch. Below 7 members there is no branch committee; below 20 the demonstration's
    /// branches have no Party groups (R-ORG-08 is not applicable to them).
    pub fn applies_to(&self, branch: &BranchRow) -> bool {
        match self.activity {
            Activity::CommitteeMeeting => branch.member_count >= 7,
            Activity::GroupMeeting => branch.member_count >= 20,
            _ => true,
        }
    }
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
        let items = ITEMS.iter().filter(|item| item.activity == activity);
        day.year() == YEAR
            && items
                .flat_map(|item| self.misses_of(item))
                .any(|miss| miss.months.contains(&day.month()))
    }

    fn misses_of(&self, item: &Item) -> impl Iterator<Item = &Miss> {
        let code = item.code;
        self.misses.iter().filter(move |miss| miss.item == code)
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
        match ITEMS.iter().find(|item| item.code == code) {
            Some(item) if !item.applies_to(branch) => {}
            item => misses.push(Miss {
                item: code,
                months: item.map(|item| months(dice, item.span)).unwrap_or_default(),
            }),
        }
    }
    misses
}

fn months(dice: &mut Dice, span: Span) -> Vec<u32> {
    match span {
        Span::Month => {
            let mut months: Vec<u32> = (1..=11).collect();
            dice.shuffle(&mut months);
            months.truncate(1 + dice.below(3));
            months.sort_unstable();
            months
        }
        // One of the first three.
        Span::Quarter => Span::Quarter
            .periods()
            .nth(dice.below(3))
            .map(Iterator::collect)
            .unwrap_or_default(),
        Span::Year => (1..=12).collect(),
    }
}
