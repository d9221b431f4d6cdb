//! What was to be put right in the year, and how: 2,328 findings of health checks, and 22 of inspections (平台巡查).

mod inspections;

use chrono::NaiveDate;

use super::{
    BUSINESS_DATE, District,
    checks::{
        course::{Course, Finding},
        examiner_subject,
    },
    dice::{Dice, Subject, date, instant, minus_days, plus_days},
    health,
    rows::{BranchRow, RectificationRow},
};
use crate::{
    campaign::Aspect,
    kernel::{
        id::{ExaminerId, HealthCheckId, RectificationId},
        light::Light,
        rules::Rules,
    },
    rectification::{
        Rectification, RectificationOrigin, RectificationState, Severity, SupportMeans,
        model::{StepTaken, days_on},
    },
};

const PRESCRIPTIONS: [&str; 6] = [
    "对照条例补齐制度，明确责任人，按期上报整改情况。",
    "由支部书记牵头，两周内补充佐证材料并提交复核。",
    "结合主题党日开展专题学习，完善台账。",
    "请挂钩领导到支部现场指导，形成整改清单。",
    "学习金牌支部做法，制定改进措施并公开承诺。",
    "补开会议、补做记录，今后按月提醒。",
];
const MEANS: [SupportMeans; 5] = [
    SupportMeans::Pairing,
    SupportMeans::LeaderLiaison,
    SupportMeans::StationedOfficial,
    SupportMeans::DualRegistration,
    SupportMeans::TaskForce,
];
const ASSIGNED: &str = "已交办，请按处方整改。";
const SUBMITTED: [&str; 3] = [
    "已按处方完成整改，佐证材料已上传。",
    "已补齐资料并公示，请予验收。",
    "已召开会议专题整改，建立长效机制。",
];
const RETURNED: &str = "佐证材料不足，请补充后再提交。";
const CLOSED: [&str; 3] = [
    "现场核实，整改到位，予以销号。",
    "材料齐全，同意销号。",
    "已达标，销号。",
];
const REVIEWED: &str = "定期复查，未反弹。";

/// The last day on which anything was done: the business date is still running.
const LAST_DAY: NaiveDate = date(health::YEAR, 12, 30);

/// The secretary of a branch, as tokens call whoever that is.
pub(super) fn secretary(branch: &BranchRow) -> String {
    format!("secretary-{}", branch.code)
}

/// An officer of the committee above a branch.
pub(super) fn officer(branch: &BranchRow) -> String {
    format!("committee-officer-{:02}", branch.committee_id.0)
}

/// Somebody of the organization department.
pub(super) const DISTRICT_OFFICER: &str = "district-officer-01";

/// A finding before it has its branch's steps.
struct Raised<'a> {
    branch: &'a BranchRow,
    health_check: Option<HealthCheckId>,
    origin: RectificationOrigin,
    aspect: Aspect,
    item_code: Option<String>,
    title: String,
    severity: Severity,
    raised_on: NaiveDate,
    by: String,
    /// Not closed before this day: until the consultation is concluded a finding of the branch's own stays open.
    not_before: NaiveDate,
    open: Option<Light>,
    /// Waits for the branch to hand it in.
    is_showcase: bool,
    examiner: ExaminerId,
}

/// All of them, in the order in which they were raised.
pub(super) fn build(district: &District, courses: &[Course<'_>]) -> Vec<RectificationRow> {
    let mut dice = Dice::new(Subject::Rectifications);
    let mut raised: Vec<Raised<'_>> = courses
        .iter()
        .flat_map(|course| {
            course
                .findings
                .iter()
                .filter_map(|finding| of_check(district, course, finding))
        })
        .collect();
    raised.extend(inspections::found(&mut dice, courses));
    // Stable: those of one branch and day stay in the order of its findings.
    raised.sort_by_key(|raised| (raised.raised_on, raised.branch.id));
    raised
        .iter()
        .zip(1..)
        .map(|(raised, number)| raised.put_right(&mut dice, RectificationId(number)))
        .collect()
}

fn of_check<'a>(district: &District, course: &Course<'a>, finding: &Finding) -> Option<Raised<'a>> {
    let item = district.template.get(finding.item)?;
    let examiner = course.examiners.first().copied()?;
    let is_own = finding.origin == RectificationOrigin::SelfCheck;
    Some(Raised {
        branch: course.branch,
        health_check: Some(course.id),
        origin: finding.origin,
        aspect: item.aspect,
        item_code: Some(item.code.clone()),
        title: item.name_zh.clone(),
        severity: if item.mandatory {
            Severity::Major
        } else {
            Severity::Minor
        },
        raised_on: finding.raised_on,
        by: if is_own {
            secretary(course.branch)
        } else {
            examiner_subject(examiner)
        },
        not_before: plus_days(course.concluded_on, 1).max(finding.raised_on),
        open: finding.open,
        is_showcase: course.is_showcase(),
        examiner,
    })
}

/// The state of something while its steps are taken.
struct Steps {
    row: Rectification,
    taken: Vec<StepTaken>,
}

impl Steps {
    fn take(
        &mut self,
        state: RectificationState,
        (day, minutes): (NaiveDate, i64),
        by: &str,
        note: Option<&str>,
    ) {
        let at = instant(day, minutes);
        self.row.state = state;
        self.row.updated_at = at;
        self.taken.push(StepTaken {
            rectification_id: self.row.id,
            state,
            at,
            by: by.to_owned(),
            note: note.map(str::to_owned),
        });
        self.row.version = i32::try_from(self.taken.len()).unwrap_or(i32::MAX);
    }

    fn submit(&mut self, dice: &mut Dice, branch: &BranchRow, day: NaiveDate) {
        let by = secretary(branch);
        let minutes = 14 * 60 + i64::from(dice.number(0, 59));
        self.take(
            RectificationState::Submitted,
            (day, minutes),
            &by,
            Some(dice.one(&SUBMITTED)),
        );
        self.row.submitted_by = Some(by);
    }
}

impl Raised<'_> {
    fn put_right(&self, dice: &mut Dice, id: RectificationId) -> RectificationRow {
        let rules = Rules::default();
        let at = (self.raised_on, 9 * 60 + i64::from(dice.number(0, 59)));
        let mut steps = Steps {
            row: Rectification {
                id,
                branch_id: self.branch.id,
                health_check_id: self.health_check,
                origin: self.origin,
                aspect: self.aspect,
                item_code: self.item_code.clone(),
                title: self.title.clone(),
                prescription: None,
                support: Vec::new(),
                severity: self.severity,
                state: RectificationState::Open,
                raised_on: self.raised_on,
                due_on: days_on(self.raised_on, rules.rectification_days),
                closed_on: None,
                next_review_on: None,
                submitted_by: None,
                version: 1,
                updated_at: instant(at.0, at.1),
            },
            taken: Vec::new(),
        };
        steps.take(RectificationState::Open, at, &self.by, None);
        match self.open {
            Some(light) => self.leave_open(dice, &mut steps, light),
            None => self.close(dice, &mut steps, rules.review_days),
        }
        RectificationRow {
            row: steps.row,
            steps: steps.taken,
        }
    }

    /// Prescribed for by the committee, with a day.
    fn assign(&self, dice: &mut Dice, steps: &mut Steps, day: NaiveDate, due_on: NaiveDate) {
        let minutes = 11 * 60 + i64::from(dice.number(0, 59));
        steps.row.due_on = due_on;
        steps.row.prescription = Some(dice.one(&PRESCRIPTIONS).to_owned());
        let mut means = MEANS.to_vec();
        dice.shuffle(&mut means);
        means.truncate(dice.below(3));
        steps.row.support = means;
        let note = dice.percent(40).then_some(ASSIGNED);
        steps.take(
            RectificationState::Assigned,
            (day, minutes),
            &officer(self.branch),
            note,
        );
    }

    /// Left as it stands on the business date, due on a day that gives it this light.
    fn leave_open(&self, dice: &mut Dice, steps: &mut Steps, light: Light) {
        let by_itself = steps.row.due_on;
        let (from, to) = match light {
            Light::Red => (plus_days(self.raised_on, 12), LAST_DAY),
            Light::Amber => (plus_days(BUSINESS_DATE, 1), plus_days(BUSINESS_DATE, 7)),
            _ => (plus_days(BUSINESS_DATE, 8), plus_days(BUSINESS_DATE, 30)),
        };
        let is_such = (from..=to).contains(&by_itself);
        let has_days = self.raised_on < minus_days(LAST_DAY, 6);
        if !has_days || (is_such && !self.is_showcase && dice.percent(30)) {
            // Nobody has assigned it yet.
            return;
        }
        let due_on = if is_such { by_itself } else { dice.day(from, to) };
        let assigned_on = plus_days(self.raised_on, dice.number(1, 4).unsigned_abs().into());
        self.assign(dice, steps, assigned_on, due_on);
        if !self.is_showcase && dice.percent(45) {
            let day = dice.day(plus_days(assigned_on, 2).min(LAST_DAY), LAST_DAY);
            steps.submit(dice, self.branch, day);
        }
    }

    /// Put right, looked at by somebody else, closed, and looked at again.
    fn close(&self, dice: &mut Dice, steps: &mut Steps, review_days: u32) {
        let by_itself = steps.row.due_on;
        let assigned_on = plus_days(self.raised_on, dice.number(1, 4).unsigned_abs().into());
        // Some get a fortnight more.
        let more = dice.percent(10) && plus_days(by_itself, 15) < BUSINESS_DATE;
        let due_on = if more { plus_days(by_itself, 15) } else { by_itself };
        self.assign(dice, steps, assigned_on, due_on);
        // What an inspection found was put right in time, and what the check does not pass without.
        let is_late = self.origin != RectificationOrigin::Inspection
            && self.severity == Severity::Minor
            && plus_days(due_on, 12) <= LAST_DAY
            && dice.percent(6);
        let closed_on = if is_late {
            plus_days(due_on, dice.number(1, 12).unsigned_abs().into())
        } else {
            let from = plus_days(self.raised_on, 9).max(self.not_before);
            let to = minus_days(by_itself, 2).min(LAST_DAY);
            dice.day(from.min(to), to)
        };
        let mut submitted_on = dice.day(plus_days(assigned_on, 1).min(closed_on), closed_on);
        if dice.percent(8) && plus_days(submitted_on, 2) <= closed_on {
            steps.submit(dice, self.branch, submitted_on);
            let at = (plus_days(submitted_on, 1), 10 * 60);
            steps.take(
                RectificationState::Assigned,
                at,
                &officer(self.branch),
                Some(RETURNED),
            );
            submitted_on = dice.day(plus_days(submitted_on, 1), closed_on);
        }
        steps.submit(dice, self.branch, submitted_on);
        let by = if self.origin == RectificationOrigin::Consultation && dice.percent(50) {
            examiner_subject(self.examiner)
        } else {
            officer(self.branch)
        };
        let minutes = 16 * 60 + i64::from(dice.number(0, 59));
        steps.take(
            RectificationState::Closed,
            (closed_on, minutes),
            &by,
            Some(dice.one(&CLOSED)),
        );
        steps.row.closed_on = Some(closed_on);
        let mut next = days_on(closed_on, review_days);
        // Most are looked at again when it is time.
        while dice.percent(94) {
            let day = plus_days(next, dice.below(7) as u64);
            if day > LAST_DAY {
                break;
            }
            let at = (day, 15 * 60 + i64::from(dice.number(0, 59)));
            steps.take(
                RectificationState::Closed,
                at,
                &officer(self.branch),
                Some(REVIEWED),
            );
            next = days_on(day, review_days);
        }
        steps.row.next_review_on = Some(next);
    }
}
