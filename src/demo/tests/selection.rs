//! The gold selection: its figures come out of the rows; its steps, its plan, and vetoes; and the texts of the whole campaign.

use std::collections::{BTreeMap, BTreeSet};

use super::{branch, checks, distinct, district, of_check};
use crate::{
    branch::Domain,
    demo::{BUSINESS_DATE, applicants},
    gold::{GoldState, model as gold},
    kernel::{clock::day_in_shanghai, id::BranchId, text},
    rectification::Severity,
};

#[test]
fn applications_by_what_came_of_them() {
    let all = &district().applications;
    let state = |state| all.iter().filter(|row| row.row.state == state).count();
    let expected = [
        (GoldState::Awarded, 52),
        (GoldState::Declined, 32),
        (GoldState::NotRecommended, 31),
        (GoldState::Withdrawn, 7),
        (GoldState::Vetoed, 4),
    ];
    for (of, count) in expected {
        assert_eq!(state(of), count, "{of:?}");
    }
    assert_eq!(all.len(), 126);
    let ever = |row: &&crate::demo::rows::ApplicationRow| {
        row.steps.iter().any(|step| step.state == GoldState::Recommended)
    };
    assert_eq!(all.iter().filter(ever).count(), 84);
    let applied: Vec<BranchId> = all.iter().map(|row| row.row.branch_id).collect();
    assert!(distinct(&applied));
    let chosen: BTreeSet<BranchId> = applicants::choose(district()).into_iter().collect();
    assert_eq!(applied.iter().copied().collect::<BTreeSet<_>>(), chosen);
    // The awarded ones bear the titles, of the same day.
    let awarded: BTreeSet<_> = all
        .iter()
        .filter_map(|row| Some((row.row.branch_id, row.row.awarded_on?)))
        .collect();
    let titles = district()
        .gold_titles
        .iter()
        .filter(|row| row.revoked_on.is_none());
    assert_eq!(
        awarded,
        titles.map(|row| (row.branch_id, row.awarded_on)).collect()
    );
}

#[test]
fn applications_took_steps_that_there_are_by_three_persons_who_could() {
    for application in &district().applications {
        let (row, steps) = (&application.row, &application.steps);
        assert_eq!(steps[0].state, GoldState::Applied);
        assert_eq!(
            (steps.last().unwrap().state, steps.len()),
            (row.state, row.version as usize)
        );
        for pair in steps.windows(2) {
            let known = gold::STEPS
                .iter()
                .any(|(from, _, to)| *from == pair[0].state && *to == pair[1].state);
            assert!(known, "{application:?}");
            assert!(pair[0].at < pair[1].at);
        }
        let decided = steps
            .iter()
            .filter(|step| matches!(step.state, GoldState::Awarded | GoldState::Declined));
        let persons: Vec<&str> = gold::who_decided(steps)
            .chain(decided.map(|step| step.by.as_str()))
            .collect();
        assert!(distinct(&persons), "{persons:?}");
        assert_eq!(
            row.before_veto,
            (row.state == GoldState::Vetoed).then_some(GoldState::Applied)
        );
        // What is kept is of the last step's day; a favourable one needs every criterion.
        let criteria = row.eligibility.criteria();
        assert_eq!(row.eligibility.vetoed, row.state == GoldState::Vetoed);
        assert!(
            criteria
                .iter()
                .all(|criterion| criterion.met || criterion.is_veto),
            "{:?} {:?}",
            row.state,
            row.eligibility
        );
        let check = checks()
            .iter()
            .find(|check| check.branch_id == row.branch_id)
            .unwrap();
        assert!(check.concluded_on < day_in_shanghai(steps[0].at));
        let open_major = of_check(check.id).any(|found| {
            found.row.severity == Severity::Major
                && found
                    .row
                    .closed_on
                    .is_none_or(|day| day >= day_in_shanghai(steps[0].at))
        });
        assert!(!open_major, "{row:?}");
    }
}

#[test]
fn awards_kept_the_plan() {
    let plan = &district().gold_plan;
    let minimums: BTreeMap<Domain, i64> = plan
        .minimums
        .iter()
        .map(|(domain, n)| (*domain, i64::from(*n)))
        .collect();
    let mut awarded: BTreeMap<Domain, i64> = BTreeMap::new();
    for application in district()
        .applications
        .iter()
        .filter(|row| row.row.state == GoldState::Awarded)
    {
        let domain = branch(application.row.branch_id).domain;
        gold::check_quota(plan.rules.total_quota.into(), &minimums, &awarded, domain).unwrap();
        *awarded.entry(domain).or_default() += 1;
    }
    assert_eq!(awarded.values().sum::<i64>(), i64::from(plan.rules.total_quota));
}

#[test]
fn open_vetoes_hold_up_four_and_others_none() {
    let d = district();
    let open: BTreeSet<BranchId> = d
        .vetoes
        .iter()
        .filter(|veto| veto.lifted_on.is_none())
        .map(|veto| veto.branch_id)
        .collect();
    let held_up: BTreeSet<BranchId> = d
        .applications
        .iter()
        .filter(|row| row.row.state == GoldState::Vetoed)
        .map(|row| row.row.branch_id)
        .collect();
    assert!(held_up.is_subset(&open) && open.len() > 4);
    let applied: BTreeSet<BranchId> = d.applications.iter().map(|row| row.row.branch_id).collect();
    assert_eq!(open.intersection(&applied).count(), 4);
    for veto in &d.vetoes {
        assert!(veto.occurred_on <= BUSINESS_DATE);
        assert!(
            veto.lifted_on
                .is_none_or(|day| day > veto.occurred_on && day <= BUSINESS_DATE)
        );
        assert!(veto.document_number.chars().count() <= gold::DOCUMENT_LIMIT);
    }
    let lifted = d.vetoes.iter().filter(|veto| veto.lifted_on.is_some());
    assert!(lifted.filter(|veto| applied.contains(&veto.branch_id)).count() >= 2);
}

#[test]
fn texts_of_the_campaign_are_whole_and_hold_no_persons_number() {
    let d = district();
    let mut texts: Vec<&str> = vec![&d.campaign.theme];
    for check in &d.checks {
        texts.push(&check.evaluation);
        texts.extend(
            check
                .visits
                .iter()
                .flat_map(|visit| [visit.summary, &visit.recorded_by]),
        );
        for result in &check.results {
            texts.extend(result.note);
            texts.extend(&result.evidence);
        }
    }
    for found in &d.rectifications {
        assert!(text::name(&found.row.title).is_ok_and(|title| title == found.row.title));
        texts.extend(found.row.prescription.as_deref());
        for step in &found.steps {
            texts.push(&step.by);
            texts.extend(step.note.as_deref());
        }
    }
    for application in &d.applications {
        texts.push(&application.row.statement);
        for step in &application.steps {
            texts.push(&step.by);
            texts.extend(step.opinion.as_deref());
        }
    }
    texts.extend(d.vetoes.iter().map(|veto| veto.document_number.as_str()));
    for text in texts {
        assert_eq!(text::find_sensitive(text), None, "{text}");
        assert!(!text.is_empty() && text.trim() == text, "{text:?}");
    }
}
