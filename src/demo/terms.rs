//! Terms of office and the elections that opened them.
//!
//! Villages and communities elect for five years, as they did in 2018 and 2021; all others for three. Of the
//! three-year branches that stood before the window, 175 elected on time in it; the other 276 opened their first
//! recorded term in it, elected late, had their term extended, are due soon, or are overdue; these eight are
//! listed in [`super::OVERDUE`] and belong to checks that fail.

use chrono::NaiveDate;

use super::{
    BUSINESS_DATE, FIGURES_FROM,
    dice::{Dice, Subject, date, minus_days, minus_years, plus_days, plus_months},
    rows::{BranchRow, TermRow},
};
use crate::branch::{BranchForm, Domain};

/// On-time elections in the window.
const ON_TIME: [(Domain, usize); 4] = [
    (Domain::Government, 48),
    (Domain::PublicInstitution, 44),
    (Domain::StateOwned, 31),
    (Domain::NonPublic, 52),
];
const OVERDUE: usize = super::OVERDUE.len();
const DUE_SOON: usize = 14;
const EXTENDED: usize = 30;
const LATE: usize = 90;
/// Five-year terms that end within six months.
const LONG_DUE_SOON: usize = 8;

/// A term before it has its branch and number.
struct Draft {
    elected_on: NaiveDate,
    extended_to: Option<NaiveDate>,
    on_time: Option<bool>,
}

impl Draft {
    fn new(elected_on: NaiveDate, on_time: Option<bool>) -> Self {
        Self {
            elected_on,
            extended_to: None,
            on_time,
        }
    }

    fn extended(mut self, to: NaiveDate) -> Self {
        self.extended_to = Some(to);
        self
    }
}

/// The day a term ends, unless it is extended.
pub(super) fn term_end(domain: Domain, elected_on: NaiveDate) -> NaiveDate {
    plus_months(elected_on, 12 * domain.term_years())
}

/// How a three-year branch stands that was there before the window.
#[derive(Clone, Copy)]
enum Course {
    OnTime(usize),
    Overdue(usize),
    DueSoon(usize),
    Extended,
    Late,
    First(usize),
}

struct Terms {
    dice: Dice,
    rows: Vec<TermRow>,
}

/// Gives every branch its terms and its `term_ends_on`.
pub(super) fn build(active: &mut [BranchRow], ended: &mut [BranchRow]) -> Vec<TermRow> {
    let mut terms = Terms {
        dice: Dice::new(Subject::Terms),
        rows: Vec::new(),
    };
    let courses = courses(&mut terms.dice, active);
    let mut long = 0;
    for (place, branch) in active.iter_mut().enumerate() {
        let drafts = if branch.form == BranchForm::Temporary {
            Vec::new()
        } else if branch.founded_on >= FIGURES_FROM {
            terms.founded_in_window(branch.founded_on)
        } else if let Some(course) = courses.get(place).copied().flatten() {
            terms.three_years(course, branch)
        } else {
            long += 1;
            terms.five_years(long)
        };
        terms.push(branch, drafts);
    }
    for (place, branch) in ended.iter_mut().enumerate() {
        let drafts = if branch.form == BranchForm::Temporary {
            Vec::new()
        } else if branch.founded_on >= FIGURES_FROM {
            vec![Draft::new(plus_days(branch.founded_on, 10), None)]
        } else {
            terms.of_an_ended_one(place, branch)
        };
        terms.push(branch, drafts);
    }
    terms.rows
}

/// The course of each three-year branch older than the window.
fn courses(dice: &mut Dice, active: &[BranchRow]) -> Vec<Option<Course>> {
    let mut courses: Vec<Option<Course>> = active.iter().map(|_| None).collect();
    let mut others: Vec<usize> = Vec::new();
    for &domain in Domain::ALL.iter().filter(|domain| domain.term_years() == 3) {
        let mut places: Vec<usize> = active
            .iter()
            .enumerate()
            .filter(|(_, row)| row.is_regular() && row.domain == domain && row.founded_on < FIGURES_FROM)
            .map(|(place, _)| place)
            .collect();
        // The first branches of all stay first: those that examples show elected on time.
        let mut rest = places.split_off(places.iter().take_while(|&&place| place < 4).count());
        dice.shuffle(&mut rest);
        places.extend(rest);
        let on_time = ON_TIME
            .iter()
            .find(|(d, _)| *d == domain)
            .map_or(0, |(_, count)| *count);
        for (nth, &place) in places.iter().take(on_time).enumerate() {
            if let Some(course) = courses.get_mut(place) {
                *course = Some(Course::OnTime(nth));
            }
        }
        others.extend(places.iter().skip(on_time));
    }
    dice.shuffle(&mut others);
    for (nth, place) in others.into_iter().enumerate() {
        let due = nth.checked_sub(OVERDUE);
        let rest = due.and_then(|nth| nth.checked_sub(DUE_SOON));
        let course = match (due, rest) {
            (None, _) => Course::Overdue(nth),
            (Some(nth), None) => Course::DueSoon(nth),
            (_, Some(nth)) if nth < EXTENDED => Course::Extended,
            (_, Some(nth)) if nth < EXTENDED + LATE => Course::Late,
            (_, Some(nth)) => Course::First(nth - EXTENDED - LATE),
        };
        if let Some(slot) = courses.get_mut(place) {
            *slot = Some(course);
        }
    }
    courses
}

impl Terms {
    fn three_years(&mut self, course: Course, branch: &mut BranchRow) -> Vec<Draft> {
        match course {
            Course::OnTime(nth) => self.on_time(branch.domain, nth),
            Course::Overdue(nth) => {
                // The last of them ended yesterday; the first of those due soon ends today.
                let end = match nth {
                    0 => minus_days(BUSINESS_DATE, 1),
                    _ => self.dice.day(date(2022, 3, 1), date(2022, 11, 30)),
                };
                after_one_on_time(minus_years(end, 3))
            }
            Course::DueSoon(nth) => {
                let elected = match nth {
                    0 => minus_years(BUSINESS_DATE, 3),
                    // The day before the window, and the last day that is still within six months of its end.
                    1 => minus_days(FIGURES_FROM, 1),
                    _ => self.dice.day(date(2020, 1, 2), date(2020, 6, 29)),
                };
                after_one_on_time(elected)
            }
            Course::Extended => {
                let mut drafts = after_one_on_time(self.dice.day(date(2019, 7, 2), date(2019, 12, 27)));
                if let Some(last) = drafts.pop() {
                    let to = plus_months(last.elected_on, 48);
                    drafts.push(last.extended(to));
                }
                drafts
            }
            Course::Late => {
                let before = self.dice.day(date(2017, 6, 1), date(2019, 9, 20));
                let end = plus_months(before, 36);
                let late = plus_days(end, 20 + self.dice.below(70) as u64);
                vec![
                    Draft::new(before, None),
                    Draft::new(late.max(FIGURES_FROM), Some(false)),
                ]
            }
            Course::First(nth) => {
                let elected = self.dice.day(FIGURES_FROM, date(2022, 12, 20));
                // Some were founded shortly before the window, three of them the day before.
                if nth < 14 {
                    branch.founded_on = match nth {
                        0..=2 => minus_days(FIGURES_FROM, 1),
                        _ => self.dice.day(date(2018, 1, 8), date(2020, 6, 29)),
                    };
                }
                vec![Draft::new(elected, None)]
            }
        }
    }

    fn on_time(&mut self, domain: Domain, nth: usize) -> Vec<Draft> {
        // The first and last day of the window; on the very day that the term ends.
        let (end, elected) = match (domain, nth) {
            (Domain::Government, 0) => (plus_days(FIGURES_FROM, 12), FIGURES_FROM),
            (Domain::Government, 1) => (BUSINESS_DATE, BUSINESS_DATE),
            (Domain::PublicInstitution, 0) => (date(2021, 11, 18), date(2021, 11, 12)),
            _ => {
                let end = self.dice.day(date(2020, 8, 20), date(2022, 12, 28));
                (end, minus_days(end, self.dice.below(50) as u64))
            }
        };
        let before = minus_years(end, 3);
        if matches!(domain, Domain::StateOwned | Domain::NonPublic) && (2..5).contains(&nth) {
            // After the end, by the end of an extension: that is on time.
            let end = self.dice.day(date(2020, 9, 1), date(2022, 4, 30));
            let before = Draft::new(minus_years(end, 3), None).extended(plus_months(end, 6));
            let elected = plus_days(end, 30 + self.dice.below(120) as u64);
            return vec![before, Draft::new(elected, Some(true))];
        }
        vec![Draft::new(before, None), Draft::new(elected, Some(true))]
    }

    fn founded_in_window(&mut self, founded_on: NaiveDate) -> Vec<Draft> {
        // Founded this month: no election yet.
        if founded_on >= date(2022, 12, 1) {
            return Vec::new();
        }
        let elected = plus_days(founded_on, self.dice.below(20) as u64);
        vec![Draft::new(elected, None)]
    }

    /// Villages and communities; `nth` counts them from 1.
    fn five_years(&mut self, nth: usize) -> Vec<Draft> {
        if nth % 30 == 7 && nth / 30 < LONG_DUE_SOON {
            return vec![Draft::new(
                self.dice.day(date(2018, 3, 1), date(2018, 6, 20)),
                None,
            )];
        }
        // The first is the one that examples show: two terms, the second elected on time, before the window.
        match nth % 5 {
            1 => {
                let before = self.dice.day(date(2013, 7, 5), date(2013, 11, 30));
                let elected = minus_days(plus_months(before, 60), self.dice.below(3) as u64);
                vec![
                    Draft::new(before, None),
                    Draft::new(elected.max(date(2018, 7, 5)), Some(true)),
                ]
            }
            2 => vec![Draft::new(
                self.dice.day(date(2018, 7, 5), date(2018, 11, 30)),
                None,
            )],
            _ => vec![Draft::new(
                self.dice.day(date(2021, 5, 10), date(2021, 10, 28)),
                None,
            )],
        }
    }

    /// Some elected on time in the window before they ended, which counts no more.
    fn of_an_ended_one(&mut self, place: usize, branch: &BranchRow) -> Vec<Draft> {
        if branch.domain.term_years() == 3 && place % 2 == 1 {
            let end = self.dice.day(date(2020, 8, 1), date(2021, 8, 20));
            let elected = minus_days(end, self.dice.below(25) as u64);
            return vec![
                Draft::new(minus_years(end, 3), None),
                Draft::new(elected, Some(true)),
            ];
        }
        vec![Draft::new(
            self.dice.day(date(2018, 7, 5), date(2018, 11, 30)),
            None,
        )]
    }

    fn push(&mut self, branch: &mut BranchRow, drafts: Vec<Draft>) {
        for draft in drafts {
            let ends_on = term_end(branch.domain, draft.elected_on);
            let year = draft.elected_on.format("%Y");
            let id = self.rows.len() as i64 + 1;
            branch.term_ends_on = Some(draft.extended_to.unwrap_or(ends_on));
            self.rows.push(TermRow {
                id,
                branch_id: branch.id,
                elected_on: draft.elected_on,
                ends_on,
                extended_to: draft.extended_to,
                on_time: draft.on_time,
                election_document: format!("演示海组〔{year}〕{}号", id % 300 + 1),
                extension_document: draft
                    .extended_to
                    .map(|_| format!("演示海组延〔{}〕{}号", ends_on.format("%Y"), id % 90 + 1)),
            });
        }
    }
}

/// Two terms: the last, elected on that day, and the one before it, whose end it kept.
fn after_one_on_time(elected_on: NaiveDate) -> Vec<Draft> {
    let before = minus_years(plus_days(elected_on, 5), 3);
    vec![Draft::new(before, None), Draft::new(elected_on, Some(true))]
}
