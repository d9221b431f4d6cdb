//! The year's health checks: when each branch was examined and by whom, what was found, and how its items stand.
//!
//! A check follows the course of the service: the branch hands in its self-check and whatever is not met is raised; examiners
//! visit, and raise what they find on the day they conclude; what is put right is met when it is looked at again. Computed items
//! are whatever [`records`] come to on these days, and on the business date.

pub(super) mod course;
mod findings;
pub(super) mod records;
mod results;

use std::collections::HashMap;

use super::{
    BUSINESS_DATE, District,
    dice::{Dice, Subject, instant, plus_days},
    rectifications,
    rows::{CheckRow, ExaminerRow, RectificationRow, VisitRow},
};
use crate::{
    health_check::{
        CheckStage, VisitKind,
        model::{PassMarks, Scored, outcome, regular_score, tailored_score},
    },
    kernel::id::{ExaminerId, HealthCheckId, OrganizationId},
    rectification::Severity,
};
use course::Course;
use records::Ledger;

/// Examiners of each committee. They examine branches of others: none ever examines its own.
const EXAMINERS_A_COMMITTEE: i64 = 2;
const COMMITTEES: i64 = 13;

const EVALUATIONS: [&str; 5] = [
    "支部基础工作扎实，组织生活规范，特色做法可推广。",
    "支部班子团结有力，会诊发现的短板已开方，按期整改。",
    "台账资料较完整，党课质量和党员参与率仍有提升空间。",
    "制度执行总体到位，建议强化品牌提炼和结对互学。",
    "支部作用发挥较好，个性体检项目落实到人到岗。",
];
const FAILED: &str = "必达项未达标，本年度体检不过关；须对照处方逐项整改，由街道党工委挂钩督办。";
const SUMMARIES: [(VisitKind, [&str; 2]); 4] = [
    (
        VisitKind::Report,
        [
            "听取支部书记自检情况汇报。",
            "听取支部委员会集体汇报，核对自检清单。",
        ],
    ),
    (
        VisitKind::Interview,
        [
            "访谈党员和群众代表，了解组织生活质量。",
            "与支部委员和普通党员逐一谈话。",
        ],
    ),
    (
        VisitKind::Materials,
        [
            "查看会议记录、台账和党费公示材料。",
            "抽查全年组织生活记录和平台数据。",
        ],
    ),
    (
        VisitKind::Feedback,
        [
            "当面反馈会诊意见，开出整改处方。",
            "召开反馈会，明确整改责任人和时限。",
        ],
    ),
];

/// The subject of an examiner.
pub(super) fn examiner_subject(id: ExaminerId) -> String {
    format!("examiner-{:02}", id.0)
}

pub(super) fn examiners() -> Vec<ExaminerRow> {
    (1..=COMMITTEES * EXAMINERS_A_COMMITTEE)
        .map(|number| ExaminerRow {
            id: ExaminerId(number),
            subject: examiner_subject(ExaminerId(number)),
        })
        .collect()
}

/// Two examiners of other committees.
fn assigned(dice: &mut Dice, committees: &[OrganizationId], committee: OrganizationId) -> Vec<ExaminerId> {
    let own = committees
        .iter()
        .position(|&id| id == committee)
        .unwrap_or_default() as i64;
    let steps = dice.number(1, COMMITTEES as i32 - 2);
    let mut examiners: Vec<ExaminerId> = (i64::from(steps)..)
        .take(2)
        .map(|step| {
            let other = (own + step) % COMMITTEES;
            let nth = dice.below(EXAMINERS_A_COMMITTEE as usize) as i64;
            ExaminerId(other * EXAMINERS_A_COMMITTEE + nth + 1)
        })
        .collect();
    examiners.sort_unstable_by_key(|id| id.0);
    examiners
}

/// The checks with what was to be put right, of every origin.
pub(super) fn build(district: &District, ledger: &Ledger<'_>) -> (Vec<CheckRow>, Vec<RectificationRow>) {
    let mut dice = Dice::new(Subject::Checks);
    let mut courses = course::plan(&mut dice, district);
    for course in &mut courses {
        course.examiners = assigned(&mut dice, &committees(district), course.branch.committee_id);
    }
    findings::find(&mut dice, district, ledger, &mut courses);
    let rectifications = rectifications::build(district, &courses);
    let mut found: HashMap<_, Vec<&RectificationRow>> = HashMap::new();
    for row in &rectifications {
        found.entry(row.row.branch_id).or_default().push(row);
    }
    let checks = courses
        .iter()
        .map(|course| {
            let found = found.get(&course.branch.id).map_or(&[][..], Vec::as_slice);
            check(&mut dice, district, ledger, course, found)
        })
        .collect();
    (checks, rectifications)
}

/// The committees in the order of their numbers.
pub(super) fn committees(district: &District) -> Vec<OrganizationId> {
    let mut committees: Vec<OrganizationId> = Vec::new();
    for row in &district.branches {
        if !committees.contains(&row.committee_id) {
            committees.push(row.committee_id);
        }
    }
    committees.sort_unstable();
    committees
}

fn check(
    dice: &mut Dice,
    district: &District,
    ledger: &Ledger<'_>,
    course: &Course<'_>,
    found: &[&RectificationRow],
) -> CheckRow {
    let results = results::build(dice, district, ledger, course, found);
    let scored: Vec<Scored> = results
        .iter()
        .filter_map(|result| {
            let item = district.template.get(usize::try_from(result.position).ok()?)?;
            Some(Scored {
                weight: item.weight,
                tailored: item.domain.is_some(),
                mandatory: item.mandatory,
                verdict: result.verdict,
                score: result.score.unwrap_or_default(),
            })
        })
        .collect();
    let own = || {
        found
            .iter()
            .filter(|found| found.row.health_check_id == Some(course.id))
    };
    let open = || own().filter(|found| found.row.state.is_open());
    let marks = PassMarks {
        regular: i32::try_from(ledger.rules.pass_regular_score).unwrap_or_default(),
        tailored: i32::try_from(ledger.rules.pass_tailored_score).unwrap_or_default(),
    };
    let has_open_major = open().any(|found| found.row.severity == Severity::Major);
    let stage = if open().next().is_some() {
        CheckStage::Rectification
    } else if dice.percent(if course.fails.is_some() { 50 } else { 9 }) {
        CheckStage::Recheck
    } else {
        CheckStage::Closed
    };
    let concluded_at = instant(course.concluded_on, 17 * 60 + 30);
    let last = own().map(|found| found.row.updated_at).max();
    let updated_at = match stage {
        // As the last day of the window begins.
        CheckStage::Closed => instant(BUSINESS_DATE, dice.number(1, 59).into()),
        _ => last.map_or(concluded_at, |last| last.max(concluded_at)),
    };
    // Opened, answered, handed in, visited four times, concluded; and then settled and closed.
    let version = match stage {
        CheckStage::Closed => 10,
        CheckStage::Recheck => 9,
        _ => 8,
    };
    CheckRow {
        id: course.id,
        branch_id: course.branch.id,
        stage,
        outcome: outcome(scored.iter().copied(), marks, has_open_major),
        regular_score: regular_score(scored.iter().copied()),
        tailored_score: tailored_score(scored.iter().copied()),
        evaluation: match course.fails {
            Some(_) => FAILED,
            None => dice.one(&EVALUATIONS),
        }
        .to_owned(),
        version,
        updated_at,
        submitted_on: course.submitted_on,
        concluded_on: course.concluded_on,
        examiners: course.examiners.clone(),
        visits: visits(dice, course),
        results,
    }
}

/// 四个一, between the self-check and the conclusion.
fn visits(dice: &mut Dice, course: &Course<'_>) -> Vec<VisitRow> {
    let days = (course.concluded_on - course.submitted_on)
        .num_days()
        .unsigned_abs();
    SUMMARIES
        .iter()
        .zip(1_u64..)
        .map(|((kind, summaries), nth)| {
            let by = dice.one_of(&course.examiners).unwrap_or(ExaminerId(1));
            VisitRow {
                kind: *kind,
                visited_on: plus_days(course.submitted_on, days * nth / 4),
                summary: dice.one(summaries),
                recorded_by: examiner_subject(by),
            }
        })
        .collect()
}

/// The check of a branch that comes in this place.
fn id_of(place: usize) -> HealthCheckId {
    HealthCheckId(place as i64 + 1)
}
