//! When each branch was examined: applicants for gold in spring, those that fail in the last weeks, others in between.

use std::collections::{HashMap, HashSet};

use chrono::{Datelike as _, NaiveDate};

use super::id_of;
use crate::{
    demo::{
        District, OVERDUE, SHOWCASE_BRANCH, SHOWCASE_COMMITTEE, applicants, campaign,
        dice::{Dice, date, plus_days},
        health::{self, Failing},
        rows::BranchRow,
    },
    kernel::{
        id::{BranchId, ExaminerId, HealthCheckId},
        light::Light,
    },
    rectification::RectificationOrigin,
};

/// Lights of what is open about the terms that ran out without an election, in the order of [`OVERDUE`]; the one that ended
/// last has just been raised, whatever stands here.
const OF_OVERDUE: [(Light, usize); 3] = [(Light::Red, 4), (Light::Amber, 3), (Light::Blue, 1)];
/// Of what is open in other checks that fail.
const OF_FAILING: [(Light, usize); 3] = [(Light::Red, 7), (Light::Amber, 8), (Light::Blue, 5)];
/// Of what is open in checks that pass; one of AMBER is [`SHOWCASE_BRANCH`]'s.
const OF_PASSING: [(Light, usize); 3] = [(Light::Red, 10), (Light::Amber, 22), (Light::Blue, 27)];

/// Something that was found.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Finding {
    /// The item's place in the template.
    pub item: usize,
    pub origin: RectificationOrigin,
    pub raised_on: NaiveDate,
    /// The light of what is open; none of what has been closed.
    pub open: Option<Light>,
    /// Raised after the check was concluded: the item was met until then.
    pub is_after: bool,
}

/// How a branch went through its check.
pub(in crate::demo) struct Course<'a> {
    pub id: HealthCheckId,
    pub branch: &'a BranchRow,
    pub fails: Option<Failing>,
    pub submitted_on: NaiveDate,
    pub concluded_on: NaiveDate,
    pub examiners: Vec<ExaminerId>,
    /// The light of what it has open, if anything.
    pub open: Option<Light>,
    /// Places of items that it was not asked.
    pub not_asked: HashSet<usize>,
    pub findings: Vec<Finding>,
}

impl Course<'_> {
    /// Its term ran out without an election.
    pub fn is_overdue(&self) -> bool {
        OVERDUE.contains(&self.branch.code.as_str())
    }

    /// The branch that examples show.
    pub fn is_showcase(&self) -> bool {
        self.branch.code == SHOWCASE_BRANCH
    }
}

/// Lights one by one.
fn lights(counts: &[(Light, usize)]) -> impl Iterator<Item = Light> + '_ {
    counts
        .iter()
        .flat_map(|&(light, count)| std::iter::repeat_n(light, count))
}

/// The checks of the year, by their branches: every one that is active and not temporary.
pub(super) fn plan<'a>(dice: &mut Dice, district: &'a District) -> Vec<Course<'a>> {
    let mut failing: HashMap<BranchId, Failing> = health::failing(district)
        .into_iter()
        .map(|failing| (failing.branch_id, failing))
        .collect();
    let applicants: HashSet<BranchId> = applicants::choose(district).into_iter().collect();
    let late = late_elections(district);
    let regular: Vec<&BranchRow> = district.branches.iter().filter(|row| row.is_regular()).collect();
    let open = open_ones(dice, district, &regular, &failing, &applicants, &late);
    let mut courses: Vec<Course<'a>> = Vec::new();
    for (place, branch) in regular.into_iter().enumerate() {
        let fails = failing.remove(&branch.id);
        let open = open.get(&branch.id).copied();
        let (submitted_on, concluded_on) = if fails.is_some() {
            in_winter(dice)
        } else if applicants.contains(&branch.id) {
            let submitted_on = dice.day(date(health::YEAR, 2, 7), date(health::YEAR, 3, 4));
            (
                submitted_on,
                plus_days(submitted_on, dice.number(12, 26).unsigned_abs().into()),
            )
        } else if open.is_some() {
            let submitted_on = dice.day(date(health::YEAR, 11, 1), date(health::YEAR, 11, 20));
            (
                submitted_on,
                plus_days(submitted_on, dice.number(18, 26).unsigned_abs().into()),
            )
        } else {
            in_its_time(dice, branch, late.get(&branch.id).copied())
        };
        courses.push(Course {
            id: id_of(place),
            branch,
            fails,
            submitted_on,
            concluded_on,
            examiners: Vec::new(),
            open,
            not_asked: HashSet::new(),
            findings: Vec::new(),
        });
    }
    courses
}

/// Late elections of the year: until then the branch had no committee in office.
fn late_elections(district: &District) -> HashMap<BranchId, NaiveDate> {
    let late = district
        .terms
        .iter()
        .filter(|term| term.on_time == Some(false) && term.elected_on.year() == health::YEAR);
    late.map(|term| (term.branch_id, term.elected_on)).collect()
}

/// What a check that fails misses lies behind it when it is concluded. As everywhere, what the branch itself found is due later
/// than that.
fn in_winter(dice: &mut Dice) -> (NaiveDate, NaiveDate) {
    let submitted_on = dice.day(date(health::YEAR, 11, 8), date(health::YEAR, 11, 12));
    let concluded_on = dice.day(date(health::YEAR, 12, 1), date(health::YEAR, 12, 4));
    (submitted_on, concluded_on)
}

/// From spring to autumn; who was founded later is examined then, who elected late after that.
fn in_its_time(
    dice: &mut Dice,
    branch: &BranchRow,
    elected_late: Option<NaiveDate>,
) -> (NaiveDate, NaiveDate) {
    let from = [
        Some(date(health::YEAR, 3, 7)),
        (branch.founded_on > campaign::FROM).then(|| plus_days(branch.founded_on, 8)),
        elected_late.map(|day| plus_days(day, 2)),
    ];
    let from = from.into_iter().flatten().max().unwrap_or(campaign::FROM);
    let day = dice.day(from, from.max(date(health::YEAR, 9, 30)));
    let submitted_on = day.min(campaign::TO);
    // What is found in December can still be put right.
    let concluded_on = plus_days(submitted_on, dice.number(10, 26).unsigned_abs().into());
    let concluded_on = concluded_on.min(submitted_on.max(date(health::YEAR, 12, 22)));
    (submitted_on, concluded_on)
}

/// Which branches have something open, and its light.
fn open_ones(
    dice: &mut Dice,
    district: &District,
    regular: &[&BranchRow],
    failing: &HashMap<BranchId, Failing>,
    applicants: &HashSet<BranchId>,
    late: &HashMap<BranchId, NaiveDate>,
) -> HashMap<BranchId, Light> {
    let is_overdue = |row: &&&BranchRow| OVERDUE.contains(&row.code.as_str());
    let mut overdue: Vec<&&BranchRow> = regular.iter().filter(is_overdue).collect();
    // The one that ended last comes last.
    overdue.sort_by_key(|row| row.term_ends_on);
    let mut others: Vec<&&BranchRow> = regular
        .iter()
        .filter(|row| failing.contains_key(&row.id) && !is_overdue(row))
        .collect();
    dice.shuffle(&mut others);
    let shown = district
        .organizations
        .iter()
        .find(|row| row.code == SHOWCASE_COMMITTEE);
    let mut passing: Vec<&&BranchRow> = regular
        .iter()
        .filter(|row| !failing.contains_key(&row.id) && !applicants.contains(&row.id))
        .filter(|row| row.founded_on < date(health::YEAR, 9, 1))
        .filter(|row| {
            late.get(&row.id)
                .is_none_or(|day| *day < date(health::YEAR, 10, 20))
        })
        .collect();
    dice.shuffle(&mut passing);
    // Some of them stand below the committee that examples show.
    let below: Vec<&&BranchRow> = passing
        .iter()
        .copied()
        .filter(|row| shown.is_some_and(|shown| shown.id == row.committee_id))
        .take(4)
        .collect();
    passing.retain(|row| !below.iter().any(|other| other.id == row.id));
    let mut passing_lights: Vec<Light> = lights(&OF_PASSING).collect();
    dice.shuffle(&mut passing_lights);
    let passing = below.into_iter().chain(passing).zip(passing_lights);
    let of_failing = others.into_iter().zip(lights(&OF_FAILING));
    let of_overdue = overdue.into_iter().zip(lights(&OF_OVERDUE));
    of_overdue
        .chain(of_failing)
        .chain(passing)
        .map(|(row, light)| (row.id, light))
        .collect()
}
