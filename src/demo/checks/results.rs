//! How each item of a check stands: what the branch said, what counts, and what was counted.

use super::{
    course::{Course, Finding},
    findings::items_of,
    records::Ledger,
};
use crate::{
    campaign::{CheckItem, Verification},
    demo::{
        BUSINESS_DATE, District,
        dice::Dice,
        rows::{RectificationRow, ResultRow},
    },
    health_check::{
        ItemVerdict,
        computed::{Source, source_of},
    },
    kernel::rules::Rules,
    rectification::RectificationOrigin,
};

const EVIDENCE: [&str; 6] = [
    "支部工作台账",
    "会议记录本",
    "活动照片与签到册",
    "上级批复文件",
    "公示栏存档",
    "党建e家平台截图",
];
/// What examiners say about what they found, or have seen put right.
const FOUND: &str = "会诊核实：佐证材料不足，按未达标处理。";
const PUT_RIGHT: &str = "复查达标，已销号。";
const OVERRULED: &str = "经上级党组织批准暂不分设，会诊认定达标。";

/// Scores of tailored items: as usual, and of what was found.
const USUAL: [i32; 3] = [4, 4, 3];
const POOR: [i32; 2] = [2, 1];

pub(super) fn build(
    dice: &mut Dice,
    district: &District,
    ledger: &Ledger<'_>,
    course: &Course<'_>,
    found: &[&RectificationRow],
) -> Vec<ResultRow> {
    let found = || found.iter().map(|found| &found.row);
    let branch = course.branch;
    // Nothing of the check was due by then, and whatever an inspection had found was closed in time.
    let at_first = ledger.records(branch, course.submitted_on, []);
    let now = ledger.records(branch, BUSINESS_DATE, found());
    // One thing that was put right waits for an examiner, where nothing else is open.
    let mut may_wait = course.open.is_none() && course.fails.is_none() && dice.percent(12);
    items_of(&district.template, course)
        .map(|(place, item)| {
            let position = i32::try_from(place).unwrap_or_default();
            if let Some(source) = source_of(&item.code) {
                let computed = ledger.compute(source, &now, BUSINESS_DATE);
                let at_first = ledger.compute(source, &at_first, course.submitted_on);
                let overruled = source == Source::Size
                    && computed.verdict() == ItemVerdict::NotMet
                    && course.fails.is_none()
                    && dice.percent(50);
                return ResultRow {
                    position,
                    item_code: item.code.clone(),
                    self_verdict: at_first.verdict(),
                    verdict: if overruled {
                        ItemVerdict::Met
                    } else {
                        computed.verdict()
                    },
                    score: None,
                    overruled,
                    computed: Some(computed),
                    evidence: Vec::new(),
                    note: overruled.then_some(OVERRULED),
                };
            }
            if course.not_asked.contains(&place) {
                return answer(
                    position,
                    item,
                    ItemVerdict::NotApplicable,
                    ItemVerdict::NotApplicable,
                );
            }
            let finding = course
                .findings
                .iter()
                .find(|finding| finding.item == place && !finding.is_after);
            let result = match finding {
                Some(finding) => {
                    let waits = may_wait && finding.open.is_none() && !item.mandatory;
                    may_wait &= !waits;
                    of_finding(position, item, finding, waits)
                }
                None => answer(position, item, ItemVerdict::Met, ItemVerdict::Met),
            };
            let evidence = item.verification != Verification::SelfDeclared && dice.percent(40);
            ResultRow {
                score: item.domain.map(|_| score(dice, &ledger.rules, &result)),
                evidence: if evidence {
                    vec![dice.one(&EVIDENCE)]
                } else {
                    Vec::new()
                },
                ..result
            }
        })
        .collect()
}

/// Of an item that was not met: it is once that was put right and looked at again.
fn of_finding(position: i32, item: &CheckItem, finding: &Finding, waits: bool) -> ResultRow {
    let verdict = if finding.open.is_some() || waits {
        ItemVerdict::NotMet
    } else {
        ItemVerdict::Met
    };
    let by_examiners = finding.origin == RectificationOrigin::Consultation;
    let said = if by_examiners {
        ItemVerdict::Met
    } else {
        ItemVerdict::NotMet
    };
    ResultRow {
        note: match verdict {
            ItemVerdict::Met => Some(PUT_RIGHT),
            _ => by_examiners.then_some(FOUND),
        },
        ..answer(position, item, said, verdict)
    }
}

fn answer(position: i32, item: &CheckItem, said: ItemVerdict, verdict: ItemVerdict) -> ResultRow {
    ResultRow {
        position,
        item_code: item.code.clone(),
        self_verdict: said,
        verdict,
        score: None,
        overruled: false,
        computed: None,
        evidence: Vec::new(),
        note: None,
    }
}

/// What a tailored item scores: as much as it takes to be met, where it was put right.
fn score(dice: &mut Dice, rules: &Rules, result: &ResultRow) -> i32 {
    match (result.verdict, result.note) {
        (ItemVerdict::Met, Some(_)) => i32::try_from(rules.tailored_met_score).unwrap_or_default(),
        (ItemVerdict::Met, None) => dice.one(&USUAL),
        _ => dice.one(&POOR),
    }
}
