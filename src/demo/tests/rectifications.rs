//! What was to be put right: its figures come out of the rows, and each went through steps that there are.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

use super::{branch, distinct, district, rectifications};
use crate::{
    campaign::Aspect,
    demo::{BUSINESS_DATE, OVERDUE, SHOWCASE_BRANCH, SHOWCASE_COMMITTEE, rows::RectificationRow},
    kernel::{clock::day_in_shanghai, light::Light, rules::Rules},
    rectification::{
        RectificationOrigin, RectificationState, Severity,
        model::{STEPS, StepTaken, TERM_ITEM, days_on},
    },
};

fn light(found: &RectificationRow) -> Light {
    found.row.light(BUSINESS_DATE, Rules::default().amber_days)
}

#[test]
fn rectifications_by_origin_and_light() {
    let origin = |origin| {
        rectifications()
            .iter()
            .filter(|found| found.row.origin == origin)
            .count()
    };
    assert_eq!(
        (
            origin(RectificationOrigin::SelfCheck),
            origin(RectificationOrigin::Consultation),
            origin(RectificationOrigin::Inspection),
            rectifications().len()
        ),
        (1286, 1042, 22, 2350)
    );
    let of_light = |of: Light| rectifications().iter().filter(|found| light(found) == of).count();
    assert_eq!(
        (
            of_light(Light::Red),
            of_light(Light::Amber),
            of_light(Light::Blue),
            of_light(Light::Green)
        ),
        (21, 34, 33, 2350 - 88)
    );
    let inspected = || {
        let all = rectifications().iter();
        all.filter(|found| found.row.origin == RectificationOrigin::Inspection)
    };
    let mut aspects: BTreeMap<&str, usize> = BTreeMap::new();
    for found in inspected() {
        *aspects.entry(found.row.aspect.as_str()).or_default() += 1;
        assert_eq!(
            (found.row.state, found.row.health_check_id),
            (RectificationState::Closed, None)
        );
    }
    let of = |aspect: Aspect| aspects.get(aspect.as_str()).copied();
    assert_eq!(
        [
            Aspect::Organization,
            Aspect::Education,
            Aspect::DecisionMaking,
            Aspect::OrganizationalLife,
            Aspect::Support
        ]
        .map(of),
        [5, 6, 4, 3, 4].map(Some)
    );
    assert_eq!(aspects.len(), 5);
    // Every term that is over without an election is among what is open.
    for code in OVERDUE {
        let open: Vec<_> = rectifications()
            .iter()
            .filter(|found| branch(found.row.branch_id).code == code && found.row.state.is_open())
            .filter(|found| found.row.item_code.as_deref() == Some(TERM_ITEM))
            .collect();
        assert_eq!(open.len(), 1, "{code}");
        assert_eq!(open[0].row.severity, Severity::Major);
    }
}

/// What happened to one, followed through the state machine.
fn follow(found: &RectificationRow) {
    let (row, steps) = (&found.row, &found.steps);
    let window = NaiveDate::from_ymd_opt(2022, 1, 1).unwrap()..=BUSINESS_DATE;
    assert_eq!(steps[0].state, RectificationState::Open);
    assert_eq!(day_in_shanghai(steps[0].at), row.raised_on);
    assert_eq!(steps.len(), usize::try_from(row.version).unwrap());
    assert_eq!(
        steps.last().map(|step| (step.state, step.at)),
        Some((row.state, row.updated_at))
    );
    for pair in steps.windows(2) {
        let [before, after] = pair else { panic!() };
        let known = STEPS
            .iter()
            .any(|(from, _, to)| *from == before.state && *to == after.state);
        assert!(known && before.at < after.at, "{found:?}");
    }
    let submitted: HashSet<&str> = by_state(steps, RectificationState::Submitted)
        .map(|step| step.by.as_str())
        .collect();
    for step in steps {
        assert!(window.contains(&day_in_shanghai(step.at)), "{found:?}");
        assert_eq!(step.rectification_id, row.id);
        let needs_note = !matches!(
            step.state,
            RectificationState::Open | RectificationState::Assigned
        );
        assert!(!needs_note || step.note.is_some());
        assert!(step.state != RectificationState::Closed || !submitted.contains(step.by.as_str()));
    }
    assert_eq!(row.submitted_by.is_some(), !submitted.is_empty());
    assert!(row.raised_on < row.due_on);
    let closed: Vec<&StepTaken> = by_state(steps, RectificationState::Closed).collect();
    let is_closed = row.state == RectificationState::Closed;
    assert_eq!(
        row.closed_on,
        closed
            .first()
            .filter(|_| is_closed)
            .map(|step| day_in_shanghai(step.at))
    );
    let looked_at = closed.last().map(|step| day_in_shanghai(step.at));
    assert_eq!(
        row.next_review_on,
        looked_at.filter(|_| is_closed).map(|day| days_on(day, 90))
    );
    assert_eq!(row.prescription.is_some(), row.state != RectificationState::Open);
    assert!(distinct(&row.support));
}

fn by_state(steps: &[StepTaken], state: RectificationState) -> impl Iterator<Item = &StepTaken> {
    steps.iter().filter(move |step| step.state == state)
}

#[test]
fn rectifications_took_steps_that_there_are_and_were_closed_by_others() {
    for found in rectifications() {
        follow(found);
    }
    let ids: Vec<i64> = rectifications().iter().map(|found| found.row.id.0).collect();
    assert_eq!(ids, (1..=2350).collect::<Vec<i64>>());
    assert!(
        rectifications()
            .iter()
            .map(|found| found.row.raised_on)
            .is_sorted()
    );
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for found in rectifications() {
        *states.entry(found.row.state.as_str()).or_default() += 1;
    }
    eprintln!("{states:?}");
    assert!(states["OPEN"] > 3 && states["ASSIGNED"] > 10 && states["SUBMITTED"] > 10);
    let returned =
        |found: &&RectificationRow| by_state(&found.steps, RectificationState::Submitted).count() > 1;
    let reviewed = |found: &&RectificationRow| by_state(&found.steps, RectificationState::Closed).count() > 1;
    assert!(rectifications().iter().filter(returned).count() > 50);
    assert!(rectifications().iter().filter(reviewed).count() > 500);
    let due = |found: &&RectificationRow| found.row.next_review_on.is_some_and(|day| day <= BUSINESS_DATE);
    let due = rectifications().iter().filter(due).count();
    assert!((20..400).contains(&due), "{due} wait for a review");
}

#[test]
fn the_showcase_has_something_to_submit_and_to_close() {
    let of = |code: &str| district().branches.iter().find(|row| row.code == code).unwrap();
    let shown = of(SHOWCASE_BRANCH);
    let open: Vec<&RectificationRow> = rectifications()
        .iter()
        .filter(|found| found.row.branch_id == shown.id && found.row.state.is_open())
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].row.state, light(open[0])),
        (RectificationState::Assigned, Light::Amber)
    );
    assert!(open[0].row.due_on > BUSINESS_DATE);
    let committee = district()
        .organizations
        .iter()
        .find(|row| row.code == SHOWCASE_COMMITTEE)
        .unwrap();
    let submitted = rectifications()
        .iter()
        .filter(|found| found.row.state == RectificationState::Submitted)
        .filter(|found| branch(found.row.branch_id).committee_id == committee.id);
    assert!(submitted.count() >= 1);
    assert!(
        district()
            .applications
            .iter()
            .any(|row| row.row.branch_id == shown.id)
    );
}
