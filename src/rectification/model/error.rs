//! Rules of rectifications that a mutation can run against, in words.

use chrono::NaiveDate;

use super::{RectificationOrigin, RectificationState, Step};
use crate::kernel::{
    message::Message,
    refusal::{Refusal, RefusalCode},
    text::ITEM_CODE_LIMIT,
};

/// Rules of rectifications that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RectificationError {
    /// The state machine has no such step.
    #[error("no step {step:?} from {from:?}")]
    NoSuchStep {
        /// Where it stands.
        from: RectificationState,
        /// What was to be done.
        step: Step,
    },
    /// Closed by who submitted it.
    #[error("closed by who submitted it")]
    OwnSubmission,
    /// An examiner of the branch itself, or one whose token names no branch.
    #[error("an examiner of its own branch, named in `{0}`")]
    OwnBranch(&'static str),
    /// The branch was merged or dissolved.
    #[error("the branch has ended")]
    BranchEnded(&'static str),
    /// A branch that ends with its task is not examined.
    #[error("a temporary branch")]
    Temporary,
    /// An origin that nobody raises by hand.
    #[error("raised by itself only")]
    Origin(RectificationOrigin),
    /// A finding of a consultation without a check it could belong to.
    #[error("no open health check")]
    NoOpenCheck,
    /// Due before today.
    #[error("due in the past")]
    DueInThePast(NaiveDate),
    /// The next review is not after today.
    #[error("reviewed too soon")]
    ReviewTooSoon(NaiveDate),
    /// Not what an item's code looks like.
    #[error("no item's code")]
    NoItemCode,
    /// The template has no such item.
    #[error("no such item")]
    NoSuchItem(String),
    /// The item belongs to another aspect.
    #[error("an item of {1}")]
    OtherAspect(String, &'static str),
    /// The item is one of another domain's.
    #[error("an item of the domain {1}")]
    OtherDomain(String, &'static str),
}

impl From<RectificationError> for Refusal {
    fn from(error: RectificationError) -> Self {
        match error {
            RectificationError::NoSuchStep { from, step } => step_refusal(from, step),
            RectificationError::OwnSubmission => Refusal::rule(
                &["id"],
                Message::new(
                    "提交整改的人不能销号，须由他人验收",
                    "Who submitted a rectification does not close it; somebody else checks it",
                ),
            ),
            RectificationError::OwnBranch(field) => Refusal::rule(
                &[field],
                Message::new(
                    "体检队员不得办理本人所在党支部的整改事项，其令牌须载明本人所在党支部",
                    "An examiner does nothing about rectifications of its own branch, which its token has to name",
                ),
            ),
            RectificationError::BranchEnded(field) => Refusal::rule(
                &[field],
                Message::new(
                    "党支部已合并或撤销，不能再办理其整改事项",
                    "The branch was merged or dissolved; nothing is done with its rectifications any more",
                ),
            ),
            RectificationError::Temporary => Refusal::rule(
                &["branchId"],
                Message::new(
                    "临时党支部不参加体检和整改",
                    "A temporary branch takes no part in health checks and rectifications",
                ),
            ),
            RectificationError::OtherAspect(code, aspect) => Refusal::invalid(
                &["itemCode"],
                Message::new(
                    format!("体检项目 {code} 属于 {aspect}"),
                    format!("The item {code} belongs to {aspect}"),
                ),
            ),
            RectificationError::OtherDomain(code, domain) => Refusal::invalid(
                &["itemCode"],
                Message::new(
                    format!("体检项目 {code} 只适用于领域 {domain}"),
                    format!("The item {code} concerns branches of {domain} only"),
                ),
            ),
            RectificationError::Origin(origin) => Refusal::invalid(
                &["origin"],
                Message::new(
                    format!(
                        "人工登记的问题来源只能是平台巡查（INSPECTION）或会诊（CONSULTATION）；{} 由系统产生",
                        origin.as_str()
                    ),
                    format!(
                        "What is raised by hand is of origin INSPECTION or CONSULTATION; {} comes by itself",
                        origin.as_str()
                    ),
                ),
            ),
            RectificationError::NoOpenCheck => Refusal::rule(
                &["branchId"],
                Message::new(
                    "该党支部没有进行中的红色体检，不能登记会诊发现的问题",
                    "The branch has no open health check that a finding of a consultation could belong to",
                ),
            ),
            RectificationError::DueInThePast(today) => Refusal::invalid(
                &["dueOn"],
                Message::new(
                    format!("整改期限不得早于今日（{today}）"),
                    format!("The due day is not before today ({today})"),
                ),
            ),
            RectificationError::ReviewTooSoon(today) => Refusal::invalid(
                &["nextReviewOn"],
                Message::new(
                    format!("下次复查日期须晚于今日（{today}）"),
                    format!("The next review is after today ({today})"),
                ),
            ),
            RectificationError::NoItemCode => Refusal::invalid(
                &["itemCode"],
                Message::new(
                    format!("体检项目代码由字母、数字和连字符组成，最多 {ITEM_CODE_LIMIT} 个字符"),
                    format!("An item's code has letters, digits and hyphens, at most {ITEM_CODE_LIMIT}"),
                ),
            ),
            RectificationError::NoSuchItem(code) => Refusal::invalid(
                &["itemCode"],
                Message::new(
                    format!("体检清单中没有项目 {code}"),
                    format!("The template has no item {code}"),
                ),
            ),
        }
    }
}

/// Where the state that the step leads to says enough, the states; else the steps too: a review leads nowhere else, and what
/// was submitted is returned, not reopened.
fn step_refusal(from: RectificationState, step: Step) -> Refusal {
    let allowed = from.allowed();
    let to = step.target().as_str();
    if step != Step::Review && !allowed.contains(&to) {
        return Refusal::transition(from.as_str(), to, &allowed);
    }
    let open: Vec<(Message, &'static str)> = from
        .steps()
        .map(|step| (step.words(), step.target().as_str()))
        .collect();
    let (zh, en) = if open.is_empty() {
        ("无".to_owned(), "none".to_owned())
    } else {
        let zh: Vec<String> = open.iter().map(|(m, to)| format!("{}（{to}）", m.zh)).collect();
        let en: Vec<String> = open.iter().map(|(m, to)| format!("{} ({to})", m.en)).collect();
        (zh.join("、"), en.join(", "))
    };
    let words = step.words();
    Refusal::new(
        RefusalCode::InvalidTransition,
        &["id"],
        Message::new(
            format!("问题现为 {}，不能{}；当前允许：{zh}", from.as_str(), words.zh),
            format!(
                "The rectification is {}: cannot {}; allowed from here: {en}",
                from.as_str(),
                words.en
            ),
        ),
    )
}
