//! What was found: whatever is recorded of a branch decides about computed items; of the others some are not met, as many as
//! the year had in all.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::{
    course::{Course, Finding},
    records::Ledger,
};
use crate::{
    campaign::CheckItem,
    demo::{
        District,
        dice::{Dice, date, plus_days},
        health,
    },
    health_check::{
        ItemVerdict,
        computed::{GROUPS_ITEM, source_of},
    },
    kernel::light::Light,
    rectification::{RectificationOrigin, model::TERM_ITEM},
};

/// Findings of the branches themselves, and of their examiners.
const SELF_CHECK: usize = 1286;
const CONSULTATION: usize = 1042;
/// Findings of one check at most, besides what is computed.
const MOST_OF_ITSELF: usize = 5;
const MOST_OF_EXAMINERS: usize = 4;
/// What is raised later is not closed within the year.
const LAST_TO_CLOSE: NaiveDate = date(health::YEAR, 12, 6);
/// Found at the showcase's after its check was concluded.
const SHOWN: (&str, NaiveDate) = ("R-BASE-03", date(health::YEAR, 12, 6));

/// Items that some branches are not asked, and how many of a hundred.
const NOT_ASKED: [(&str, u32); 3] = [("R-EDU-04", 12), ("R-EDU-07", 30), ("R-LIFE-07", 40)];

/// Finds everything.
pub(super) fn find(dice: &mut Dice, district: &District, ledger: &Ledger<'_>, courses: &mut [Course<'_>]) {
    for course in courses.iter_mut() {
        leave_out(dice, &district.template, course);
        compute(district, ledger, course);
        open(dice, &district.template, course);
    }
    let count = |courses: &[Course<'_>], origin| {
        let findings = courses.iter().flat_map(|course| &course.findings);
        findings.filter(|finding| finding.origin == origin).count()
    };
    for (origin, all, most) in [
        (RectificationOrigin::SelfCheck, SELF_CHECK, MOST_OF_ITSELF),
        (RectificationOrigin::Consultation, CONSULTATION, MOST_OF_EXAMINERS),
    ] {
        let mut left = all.saturating_sub(count(courses, origin));
        // As many as there are places for; the tests see to it that there are enough.
        let mut tries = all * 50;
        while left > 0 && tries > 0 {
            tries -= 1;
            let place = dice.below(courses.len());
            let Some(course) = courses.get_mut(place) else {
                break;
            };
            left -= usize::from(add(dice, &district.template, course, origin, most));
        }
    }
}

/// Items of a branch: regular ones and those of its domain, with their places.
pub(super) fn items_of<'t>(
    template: &'t [CheckItem],
    course: &Course<'_>,
) -> impl Iterator<Item = (usize, &'t CheckItem)> + use<'t> {
    let domain = course.branch.domain;
    let concern = move |item: &CheckItem| item.domain.is_none_or(|other| other == domain);
    template.iter().enumerate().filter(move |(_, item)| concern(item))
}

/// What a branch is not asked.
fn leave_out(dice: &mut Dice, template: &[CheckItem], course: &mut Course<'_>) {
    for (place, item) in items_of(template, course) {
        let chance = NOT_ASKED.iter().find(|(code, _)| *code == item.code);
        let not_asked = match item.code.as_str() {
            GROUPS_ITEM => !health::has_groups(course.branch),
            // No committee is asked of few.
            "R-ORG-03" => course.branch.member_count < health::COMMITTEE_FROM,
            _ => chance.is_some_and(|(_, chance)| dice.percent(*chance)),
        };
        if not_asked {
            course.not_asked.insert(place);
        }
    }
}

/// What records say on the day the self-check was handed in, and on the day the consultation was concluded. Nothing of the check
/// is due by then.
fn compute(district: &District, ledger: &Ledger<'_>, course: &mut Course<'_>) {
    for (origin, on) in [
        (RectificationOrigin::SelfCheck, course.submitted_on),
        (RectificationOrigin::Consultation, course.concluded_on),
    ] {
        let records = ledger.records(course.branch, on, []);
        for (place, item) in items_of(&district.template, course) {
            let Some(source) = source_of(&item.code) else {
                continue;
            };
            let verdict = ledger.compute(source, &records, on).verdict();
            let is_open = course.findings.iter().any(|finding| finding.item == place);
            if verdict == ItemVerdict::NotMet && !is_open {
                course.findings.push(Finding {
                    item: place,
                    origin,
                    raised_on: on,
                    open: None,
                    is_after: false,
                });
            }
        }
    }
    raise_the_term(&district.template, course);
}

/// A term that ran out after the consultation was concluded is raised on the day after its end.
fn raise_the_term(template: &[CheckItem], course: &mut Course<'_>) {
    let place = template.iter().position(|item| item.code == TERM_ITEM);
    let (Some(item), Some(ended)) = (place, course.branch.term_ends_on) else {
        return;
    };
    let raised_on = plus_days(ended, 1);
    if course.is_overdue() && raised_on > course.concluded_on {
        course.findings.push(Finding {
            item,
            origin: RectificationOrigin::Consultation,
            raised_on,
            open: None,
            is_after: true,
        });
    }
}

/// What has not been put right: a term that ran out, something mandatory where the check fails, else something small.
fn open(dice: &mut Dice, template: &[CheckItem], course: &mut Course<'_>) {
    if course.is_showcase() {
        let (code, raised_on) = SHOWN;
        let item = template.iter().position(|item| item.code == code);
        course.findings.extend(item.map(|item| Finding {
            item,
            origin: RectificationOrigin::Consultation,
            raised_on,
            open: Some(Light::Amber),
            is_after: true,
        }));
        return;
    }
    let Some(light) = course.open else { return };
    if course.fails.is_some() {
        let overdue = course.is_overdue();
        let mandatory = course.findings.iter_mut().find(|finding| {
            let item = template.get(finding.item);
            item.is_some_and(|item| item.mandatory && (!overdue || item.code == TERM_ITEM))
        });
        if let Some(finding) = mandatory {
            finding.open = Some(light);
        }
        return;
    }
    // What the branch found itself in November is past due.
    let origin = match light {
        Light::Red => RectificationOrigin::SelfCheck,
        _ => RectificationOrigin::Consultation,
    };
    let small: Vec<usize> = free(template, course)
        .filter(|(_, item)| !item.mandatory && item.domain.is_none())
        .map(|(place, _)| place)
        .collect();
    let finding = dice
        .one_of(&small)
        .map(|item| answered(course, item, origin, Some(light)));
    course.findings.extend(finding);
}

/// Items that are answered, asked of the branch, and about which nothing was found yet.
fn free<'t>(
    template: &'t [CheckItem],
    course: &Course<'_>,
) -> impl Iterator<Item = (usize, &'t CheckItem)> + use<'t> {
    let taken: HashSet<usize> = course.findings.iter().map(|finding| finding.item).collect();
    let not_asked = course.not_asked.clone();
    items_of(template, course).filter(move |(place, item)| {
        source_of(&item.code).is_none() && !taken.contains(place) && !not_asked.contains(place)
    })
}

fn answered(course: &Course<'_>, item: usize, origin: RectificationOrigin, open: Option<Light>) -> Finding {
    Finding {
        item,
        origin,
        raised_on: match origin {
            RectificationOrigin::SelfCheck => course.submitted_on,
            _ => course.concluded_on,
        },
        open,
        is_after: false,
    }
}

/// One more, if there is room for it.
fn add(
    dice: &mut Dice,
    template: &[CheckItem],
    course: &mut Course<'_>,
    origin: RectificationOrigin,
    most: usize,
) -> bool {
    let of_origin = course.findings.iter().filter(|finding| finding.origin == origin);
    if of_origin.count() >= most || course.concluded_on > LAST_TO_CLOSE {
        return false;
    }
    let free: Vec<usize> = free(template, course).map(|(place, _)| place).collect();
    let finding = dice
        .one_of(&free)
        .map(|item| answered(course, item, origin, None));
    course.findings.extend(finding);
    true
}
