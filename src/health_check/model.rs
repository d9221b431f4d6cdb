//! The stages of a check, and what its verdicts come to.

mod error;

pub use error::CheckError;

use crate::kernel::{names::stored_names, refusal::Refusal};

stored_names! {
    /// The contract's `CheckStage`.
    CheckStage {
        /// 未开始
        NotStarted => "NOT_STARTED",
        /// 自检
        SelfCheck => "SELF_CHECK",
        /// 会诊
        Consultation => "CONSULTATION",
        /// 整改
        Rectification => "RECTIFICATION",
        /// 复查
        Recheck => "RECHECK",
        /// 闭环
        Closed => "CLOSED",
    }
}

stored_names! {
    /// The contract's `CheckOutcome`.
    CheckOutcome {
        /// 未定
        Pending => "PENDING",
        /// 通过
        Pass => "PASS",
        /// 未通过
        Fail => "FAIL",
    }
}

stored_names! {
    /// The contract's `ItemVerdict`.
    ItemVerdict {
        /// 达标
        Met => "MET",
        /// 未达标
        NotMet => "NOT_MET",
        /// 不适用
        NotApplicable => "NOT_APPLICABLE",
        /// 未作答
        Unanswered => "UNANSWERED",
    }
}

stored_names! {
    /// The contract's `VisitKind` (四个一).
    VisitKind {
        /// 听取一次汇报
        Report => "REPORT",
        /// 组织一次访谈
        Interview => "INTERVIEW",
        /// 查看一批材料
        Materials => "MATERIALS",
        /// 进行一次反馈
        Feedback => "FEEDBACK",
    }
}

/// What moves a check on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckStep {
    /// The branch answers items.
    Answer,
    /// The branch hands its self-check in.
    Submit,
    /// An examiner concludes the consultation; something is to be put right.
    ConcludeWithProblems,
    /// An examiner concludes it, and nothing is.
    ConcludeClean,
    /// The last open rectification of the check is closed or waived.
    Settle,
    /// A rectification of the check is open again.
    Reopen,
    /// An examiner turns a verdict whose rectification is closed.
    Reexamine,
    /// An examiner records a visit.
    Visit,
    /// The committee closes the check.
    Close,
    /// The branch was merged or dissolved.
    EndOfBranch,
}

/// Every step there is: from where, by what, to where.
pub const STEPS: [(CheckStage, CheckStep, CheckStage); 15] = [
    (CheckStage::NotStarted, CheckStep::Answer, CheckStage::SelfCheck),
    (CheckStage::SelfCheck, CheckStep::Answer, CheckStage::SelfCheck),
    (CheckStage::SelfCheck, CheckStep::Submit, CheckStage::Consultation),
    (
        CheckStage::Consultation,
        CheckStep::ConcludeWithProblems,
        CheckStage::Rectification,
    ),
    (
        CheckStage::Consultation,
        CheckStep::ConcludeClean,
        CheckStage::Recheck,
    ),
    (CheckStage::Rectification, CheckStep::Settle, CheckStage::Recheck),
    (CheckStage::Recheck, CheckStep::Reopen, CheckStage::Rectification),
    (CheckStage::Recheck, CheckStep::Reexamine, CheckStage::Recheck),
    (CheckStage::Recheck, CheckStep::Close, CheckStage::Closed),
    (
        CheckStage::Consultation,
        CheckStep::Visit,
        CheckStage::Consultation,
    ),
    (CheckStage::NotStarted, CheckStep::EndOfBranch, CheckStage::Closed),
    (CheckStage::SelfCheck, CheckStep::EndOfBranch, CheckStage::Closed),
    (
        CheckStage::Consultation,
        CheckStep::EndOfBranch,
        CheckStage::Closed,
    ),
    (
        CheckStage::Rectification,
        CheckStep::EndOfBranch,
        CheckStage::Closed,
    ),
    (CheckStage::Recheck, CheckStep::EndOfBranch, CheckStage::Closed),
];

impl CheckStep {
    /// Where it leads.
    pub fn target(self) -> CheckStage {
        match self {
            Self::Answer => CheckStage::SelfCheck,
            Self::Submit | Self::Visit => CheckStage::Consultation,
            Self::ConcludeWithProblems | Self::Reopen => CheckStage::Rectification,
            Self::ConcludeClean | Self::Settle | Self::Reexamine => CheckStage::Recheck,
            Self::Close | Self::EndOfBranch => CheckStage::Closed,
        }
    }
}

impl CheckStage {
    /// The stage after a step, or INVALID_TRANSITION with what is allowed from here.
    pub fn after(self, step: CheckStep) -> Result<CheckStage, Refusal> {
        let found = STEPS.iter().find(|(from, by, _)| *from == self && *by == step);
        found
            .map(|(.., to)| *to)
            .ok_or_else(|| Refusal::transition(self.as_str(), step.target().as_str(), &self.allowed()))
    }

    /// Where somebody can take it from here, each stage once.
    pub fn allowed(self) -> Vec<&'static str> {
        let mut allowed = Vec::new();
        for (from, by, to) in &STEPS {
            if *from == self && *by != CheckStep::EndOfBranch && !allowed.contains(&to.as_str()) {
                allowed.push(to.as_str());
            }
        }
        allowed
    }

    /// Whether the consultation has come to an outcome, which verdicts and rectifications may still change.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::Rectification | Self::Recheck)
    }
}

/// What is stored of an item, as far as scores go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scored {
    /// Of a regular item its share of 100; of a tailored one the most that it scores.
    pub weight: i32,
    /// An item of the branch's domain.
    pub tailored: bool,
    /// The check does not pass while it is not met.
    pub mandatory: bool,
    /// What counts.
    pub verdict: ItemVerdict,
    /// Of a tailored item what it scored.
    pub score: i32,
}

/// 100 × met ÷ applicable weight of regular items, in hundredths, half up (常规从严); None where nothing is applicable. An item
/// that is not answered is applicable, and not met.
pub fn regular_score(items: impl IntoIterator<Item = Scored>) -> Option<i32> {
    let (mut met, mut applicable) = (0_i64, 0_i64);
    for item in items.into_iter().filter(|item| !item.tailored) {
        match item.verdict {
            ItemVerdict::NotApplicable => {}
            ItemVerdict::Met => {
                met += i64::from(item.weight);
                applicable += i64::from(item.weight);
            }
            ItemVerdict::NotMet | ItemVerdict::Unanswered => applicable += i64::from(item.weight),
        }
    }
    hundredths(met, applicable)
}

/// The sum of tailored scores (个性从实).
pub fn tailored_score(items: impl IntoIterator<Item = Scored>) -> i32 {
    let tailored = items.into_iter().filter(|item| item.tailored);
    tailored.map(|item| item.score).sum()
}

/// The score of an aspect, 0 to 100 in hundredths, of its items: tailored ones by what they scored of what they could.
pub fn aspect_score(items: impl IntoIterator<Item = Scored> + Clone) -> Option<i32> {
    let tailored = items.clone().into_iter().filter(|item| item.tailored);
    let (scored, most) = tailored.fold((0, 0), |(scored, most), item| {
        (scored + i64::from(item.score), most + i64::from(item.weight))
    });
    match most {
        0 => regular_score(items),
        most => hundredths(scored, most),
    }
}

fn hundredths(part: i64, whole: i64) -> Option<i32> {
    let doubled = whole.checked_mul(2).filter(|doubled| *doubled > 0)?;
    i32::try_from((part * 20_000 + whole) / doubled).ok()
}

/// The numbers that a check passes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassMarks {
    /// The regular score, of 100.
    pub regular: i32,
    /// The tailored score, of 20.
    pub tailored: i32,
}

/// PASS (**default**): both scores reach their marks, every mandatory item is met or not applicable, and nothing MAJOR is open.
pub fn outcome(
    items: impl IntoIterator<Item = Scored> + Clone,
    marks: PassMarks,
    has_open_major: bool,
) -> CheckOutcome {
    let regular = regular_score(items.clone());
    let mandatory_hold = items
        .clone()
        .into_iter()
        .all(|item| !item.mandatory || matches!(item.verdict, ItemVerdict::Met | ItemVerdict::NotApplicable));
    let passes = regular.is_some_and(|score| score >= marks.regular * 100)
        && tailored_score(items) >= marks.tailored
        && mandatory_hold
        && !has_open_major;
    match passes {
        true => CheckOutcome::Pass,
        false => CheckOutcome::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regular(weight: i32, verdict: ItemVerdict) -> Scored {
        Scored {
            weight,
            tailored: false,
            mandatory: false,
            verdict,
            score: 0,
        }
    }

    fn tailored(score: i32) -> Scored {
        Scored {
            weight: 4,
            tailored: true,
            mandatory: false,
            verdict: ItemVerdict::Met,
            score,
        }
    }

    const MARKS: PassMarks = PassMarks {
        regular: 85,
        tailored: 12,
    };

    #[test]
    fn what_is_not_applicable_leaves_the_denominator() {
        use ItemVerdict::{Met, NotApplicable, NotMet, Unanswered};
        let score = |items: &[(i32, ItemVerdict)]| {
            regular_score(items.iter().map(|(weight, verdict)| regular(*weight, *verdict)))
        };
        assert_eq!(score(&[(3, Met), (2, NotMet), (5, NotApplicable)]), Some(6000));
        // Half up: 2/3 and 1/8.
        assert_eq!(score(&[(2, Met), (1, NotMet)]), Some(6667));
        assert_eq!(score(&[(1, Met), (7, NotMet)]), Some(1250));
        assert_eq!(score(&[(1, Met), (5, Unanswered)]), Some(1667));
        assert_eq!(score(&[(3, NotApplicable)]), None);
        assert_eq!(score(&[]), None);
    }

    #[test]
    fn a_check_passes_by_all_four() {
        let good = || {
            vec![
                regular(85, ItemVerdict::Met),
                regular(15, ItemVerdict::NotMet),
                tailored(4),
                tailored(4),
                tailored(4),
            ]
        };
        assert_eq!(outcome(good(), MARKS, false), CheckOutcome::Pass);
        assert_eq!(outcome(good(), MARKS, true), CheckOutcome::Fail);
        let mut items = good();
        items[0].weight = 84;
        items[1].weight = 16;
        assert_eq!(outcome(items, MARKS, false), CheckOutcome::Fail);
        let mut items = good();
        items[4].score = 3;
        assert_eq!(outcome(items, MARKS, false), CheckOutcome::Fail);
        for (verdict, expected) in [
            (ItemVerdict::NotMet, CheckOutcome::Fail),
            (ItemVerdict::NotApplicable, CheckOutcome::Pass),
        ] {
            let mut items = good();
            items[1].mandatory = true;
            items[1].verdict = verdict;
            assert_eq!(outcome(items, MARKS, false), expected);
        }
        assert_eq!(aspect_score([tailored(4), tailored(2), tailored(0)]), Some(5000));
    }

    #[test]
    fn every_step_that_is_not_in_the_table_is_refused_with_what_is() {
        let steps = [
            CheckStep::Answer,
            CheckStep::Submit,
            CheckStep::ConcludeWithProblems,
            CheckStep::ConcludeClean,
            CheckStep::Settle,
            CheckStep::Reopen,
            CheckStep::Reexamine,
            CheckStep::Visit,
            CheckStep::Close,
            CheckStep::EndOfBranch,
        ];
        for stage in CheckStage::ALL {
            for step in steps {
                let known = STEPS.iter().find(|(from, by, _)| from == stage && *by == step);
                match (known, stage.after(step)) {
                    (Some((.., to)), Ok(reached)) => {
                        assert_eq!((*to, step.target()), (reached, reached));
                    }
                    (None, Err(refusal)) => assert!(refusal.message.en.contains(stage.as_str())),
                    (known, after) => panic!("{stage:?} {step:?}: {known:?} {after:?}"),
                }
            }
        }
        assert_eq!(CheckStage::Closed.allowed(), Vec::<&str>::new());
    }
}
