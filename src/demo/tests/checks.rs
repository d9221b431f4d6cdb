//! Health checks: their figures come out of the rows, and every row keeps the rules of its slice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{branch, checks, distinct, district, of_check, rectifications};
use crate::{
    campaign::checklist::template_faults,
    demo::{
        BUSINESS_DATE, SHOWCASE_BRANCH,
        checks::{committees, records::Ledger},
        health,
        rows::{CheckRow, RectificationRow},
    },
    health_check::{
        CheckOutcome, CheckStage, ItemVerdict, VisitKind,
        computed::{GROUPS_ITEM, source_of},
        model::{PassMarks, Scored, outcome, regular_score, tailored_score},
    },
    kernel::{clock::day_in_shanghai, id::BranchId, rules::Rules},
    rectification::{RectificationOrigin, Severity, model::TERM_ITEM},
    simulate,
};

fn scored(check: &CheckRow) -> Vec<Scored> {
    let item = |position: i32| &district().template[usize::try_from(position).unwrap()];
    check
        .results
        .iter()
        .map(|result| Scored {
            weight: item(result.position).weight,
            tailored: item(result.position).domain.is_some(),
            mandatory: item(result.position).mandatory,
            verdict: result.verdict,
            score: result.score.unwrap_or_default(),
        })
        .collect()
}

#[test]
fn every_active_branch_but_temporary_ones_was_examined() {
    let regular: Vec<BranchId> = district()
        .branches
        .iter()
        .filter(|row| row.is_regular())
        .map(|row| row.id)
        .collect();
    let examined: Vec<BranchId> = checks().iter().map(|row| row.branch_id).collect();
    assert_eq!(examined, regular);
    assert_eq!(checks().len(), 819);
    let results = || checks().iter().flat_map(|row| &row.results);
    assert_eq!(results().filter(|row| row.score.is_none()).count(), 36_855);
    let tailored = |code: &str| {
        district()
            .template
            .iter()
            .any(|item| item.code == code && item.domain.is_some())
    };
    assert_eq!(results().filter(|row| tailored(&row.item_code)).count(), 4_095);
    assert_eq!(results().count(), 36_855 + 4_095);
    let count = |outcome| checks().iter().filter(|row| row.outcome == outcome).count();
    assert_eq!(
        (
            count(CheckOutcome::Pass),
            count(CheckOutcome::Fail),
            count(CheckOutcome::Pending)
        ),
        (771, 48, 0)
    );
    let failed: BTreeSet<BranchId> = checks()
        .iter()
        .filter(|row| row.outcome == CheckOutcome::Fail)
        .map(|row| row.branch_id)
        .collect();
    let failing = health::failing(district());
    assert_eq!(failed, failing.iter().map(|failing| failing.branch_id).collect());
    let stage = |stage| checks().iter().filter(|row| row.stage == stage).count();
    eprintln!(
        "{} closed, {} in recheck, {} in rectification",
        stage(CheckStage::Closed),
        stage(CheckStage::Recheck),
        stage(CheckStage::Rectification)
    );
    assert!(stage(CheckStage::Closed) > 600 && stage(CheckStage::Recheck) > 30);
}

#[test]
fn scores_and_outcomes_are_those_of_the_verdicts() {
    let rules = Rules::default();
    let marks = PassMarks {
        regular: rules.pass_regular_score as i32,
        tailored: rules.pass_tailored_score as i32,
    };
    let mut scores = BTreeSet::new();
    for check in checks() {
        let scored = scored(check);
        assert_eq!(check.regular_score, regular_score(scored.iter().copied()));
        assert_eq!(check.tailored_score, tailored_score(scored.iter().copied()));
        let open = || of_check(check.id).filter(|found| found.row.state.is_open());
        let has_open_major = open().any(|found| found.row.severity == Severity::Major);
        assert_eq!(
            check.outcome,
            outcome(scored.iter().copied(), marks, has_open_major),
            "{check:?}"
        );
        assert_eq!(check.stage == CheckStage::Rectification, open().next().is_some());
        scores.insert(check.regular_score);
        for result in &check.results {
            let is_tailored = result.item_code.starts_with("X-");
            assert_eq!(result.score.is_some(), is_tailored);
            assert_ne!(result.verdict, ItemVerdict::Unanswered);
            if let Some(score) = result.score {
                assert_eq!(result.verdict == ItemVerdict::Met, score >= 3, "{result:?}");
                assert!((0..=4).contains(&score) && result.verdict != ItemVerdict::NotApplicable);
            }
            assert_eq!(result.computed.is_some(), source_of(&result.item_code).is_some());
            assert!(!result.overruled || result.note.is_some());
        }
    }
    assert!(scores.len() > 20, "{}", scores.len());
}

#[test]
fn computed_verdicts_are_what_records_come_to_on_the_business_date() {
    let d = district();
    let deeds = simulate::deeds(d);
    let ledger = Ledger::new(d, &deeds);
    let mut found: HashMap<BranchId, Vec<&RectificationRow>> = HashMap::new();
    for row in rectifications() {
        found.entry(row.row.branch_id).or_default().push(row);
    }
    let (mut overruled, mut counts) = (0, BTreeMap::new());
    for check in checks() {
        let of_branch = found
            .get(&check.branch_id)
            .into_iter()
            .flatten()
            .map(|found| &found.row);
        let records = ledger.records(branch(check.branch_id), BUSINESS_DATE, of_branch);
        let groups = check
            .results
            .iter()
            .find(|row| row.item_code == GROUPS_ITEM)
            .unwrap();
        assert_eq!(
            groups.verdict == ItemVerdict::NotApplicable,
            records.has_no_groups
        );
        for result in &check.results {
            let Some(source) = source_of(&result.item_code) else {
                continue;
            };
            let computed = ledger.compute(source, &records, BUSINESS_DATE);
            assert_eq!(result.computed.as_ref(), Some(&computed));
            let of_item: &mut BTreeMap<&str, usize> = counts.entry(result.item_code.as_str()).or_default();
            *of_item.entry(computed.verdict().as_str()).or_default() += 1;
            if result.overruled {
                overruled += 1;
                assert_ne!(result.verdict, computed.verdict());
            } else {
                assert_eq!(result.verdict, computed.verdict());
            }
        }
    }
    assert!((2..20).contains(&overruled), "{overruled}");
    for (code, counts) in &counts {
        eprintln!("{code}: {counts:?}");
        assert!(counts["MET"] > 50, "{code}: {counts:?}");
    }
}

#[test]
fn visits_lie_between_the_self_check_and_the_conclusion_by_examiners_of_others() {
    let d = district();
    let template = template_faults(&d.template);
    assert!(template.is_empty(), "{template:?}");
    let committees = committees(d);
    for check in checks() {
        let founded_on = branch(check.branch_id).founded_on;
        assert!(founded_on <= check.submitted_on && check.submitted_on <= check.concluded_on);
        assert!(check.concluded_on <= BUSINESS_DATE && day_in_shanghai(check.updated_at) <= BUSINESS_DATE);
        assert!(check.concluded_on <= day_in_shanghai(check.updated_at));
        let kinds: Vec<VisitKind> = check.visits.iter().map(|visit| visit.kind).collect();
        assert_eq!(kinds, VisitKind::ALL);
        assert_eq!(check.examiners.len(), 2);
        for visit in &check.visits {
            assert!((check.submitted_on..=check.concluded_on).contains(&visit.visited_on));
            let by = d
                .examiners
                .iter()
                .find(|row| row.subject == visit.recorded_by)
                .unwrap();
            assert!(check.examiners.contains(&by.id));
        }
        for id in &check.examiners {
            let home = committees[usize::try_from((id.0 - 1) / 2).unwrap()];
            assert_ne!(home, branch(check.branch_id).committee_id, "of its own committee");
        }
    }
}

#[test]
fn whatever_was_not_met_was_raised_and_nothing_twice() {
    let d = district();
    let deeds = simulate::deeds(d);
    let ledger = Ledger::new(d, &deeds);
    let mandatory: HashSet<&str> = d
        .template
        .iter()
        .filter(|item| item.mandatory)
        .map(|item| item.code.as_str())
        .collect();
    for check in checks() {
        let found: Vec<&RectificationRow> = of_check(check.id).collect();
        assert!(distinct(found.iter().map(|found| &found.row.item_code)));
        for found in &found {
            let (row, code) = (&found.row, found.row.item_code.as_deref().unwrap());
            let item = d.template.iter().find(|item| item.code == code).unwrap();
            assert_eq!(
                (row.branch_id, row.aspect, &row.title),
                (check.branch_id, item.aspect, &item.name_zh)
            );
            assert_eq!(row.severity == Severity::Major, mandatory.contains(code));
            let raised_on = match row.origin {
                RectificationOrigin::SelfCheck => check.submitted_on,
                _ => check.concluded_on,
            };
            let of_term = code == TERM_ITEM && Some(row.raised_on) > branch(row.branch_id).term_ends_on;
            let later = (branch(row.branch_id).code == SHOWCASE_BRANCH || of_term) && row.state.is_open();
            assert!(row.raised_on == raised_on || later, "{row:?}");
            // What a branch found was still open when its consultation was concluded.
            assert!(
                row.closed_on.is_none_or(
                    |day| day > check.concluded_on || row.origin != RectificationOrigin::SelfCheck
                )
            );
        }
        let raised = |code: &str, origin| {
            let mut of_item = found
                .iter()
                .filter(|found| found.row.item_code.as_deref() == Some(code));
            of_item.any(|found| found.row.origin == origin)
        };
        for result in &check.results {
            let code = result.item_code.as_str();
            let of_itself = raised(code, RectificationOrigin::SelfCheck);
            assert_eq!(
                result.self_verdict == ItemVerdict::NotMet,
                of_itself,
                "{code} {check:?}"
            );
            let Some(source) = source_of(code) else {
                let known = of_itself || raised(code, RectificationOrigin::Consultation);
                assert!(result.verdict != ItemVerdict::NotMet || known, "{code} {check:?}");
                continue;
            };
            let mut verdicts = [check.submitted_on, check.concluded_on].map(|on| {
                let records = ledger.records(branch(check.branch_id), on, []);
                ledger.compute(source, &records, on).verdict()
            });
            let by_then = |found: &&RectificationRow| {
                found.row.item_code.as_deref() == Some(code) && found.row.raised_on <= check.concluded_on
            };
            let known = found.iter().copied().any(|found| by_then(&found));
            verdicts.sort_unstable_by_key(|verdict| *verdict == ItemVerdict::NotMet);
            assert_eq!(verdicts[1] == ItemVerdict::NotMet, known, "{code} {check:?}");
        }
    }
}
