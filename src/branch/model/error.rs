//! What the rules of branches refuse, in words.

use chrono::NaiveDate;

use super::{BranchStatus, MAX_SUCCESSIONS};
use crate::kernel::{
    message::Message,
    refusal::{Refusal, RefusalCode},
};

/// Rules of branches that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    /// A day after today.
    #[error("in the future")]
    InTheFuture(&'static str, NaiveDate),
    /// A day before the branch was founded.
    #[error("before the founding")]
    BeforeFounding(&'static str, NaiveDate),
    /// It was merged or dissolved.
    #[error("ended")]
    Ended(&'static str, BranchStatus),
    /// It would stand under a district.
    #[error("wrong organization")]
    WrongOrganization,
    /// Another branch holds the code at that time, or an alias does.
    #[error("code taken")]
    CodeTaken(String),
    /// Too few full members to found a branch of its own.
    #[error("too few members")]
    TooFewMembers(i32),
    /// A count below zero.
    #[error("negative count")]
    NegativeMembers,
    /// A temporary branch has no elections and no terms.
    #[error("temporary")]
    TemporaryHasNoTerm(&'static str),
    /// The election is not after the one before.
    #[error("not after the previous election")]
    NotAfterPrevious(NaiveDate),
    /// A term of no years, or of more than the domain's.
    #[error("term years")]
    TermYears {
        /// What was asked for.
        given: i32,
        /// The domain's years.
        most: u32,
    },
    /// There is no term to extend.
    #[error("no term")]
    NoTerm,
    /// The new end is not later than the old one.
    #[error("no extension")]
    NoExtension(NaiveDate),
    /// More than a year beyond the regular end.
    #[error("extension too long")]
    ExtensionTooLong(NaiveDate),
    /// `effectiveOn` without a move.
    #[error("no move to date")]
    NoMove,
    /// A branch cannot be its own successor.
    #[error("merge into itself")]
    MergeIntoItself,
    /// The successor was merged into this branch before.
    #[error("merge in a ring")]
    MergeRing,
    /// The successor does not go on itself.
    #[error("merge into an ended branch")]
    MergeIntoEnded(BranchStatus),
    /// A temporary branch ends with its task, it is not merged.
    #[error("merge of a temporary branch")]
    MergeTemporary(&'static str),
    /// Old codes could not be followed any more.
    #[error("too many mergers in a row")]
    TooManySuccessions,
    /// The last day lies before the first.
    #[error("alias ends before it begins")]
    AliasEndsBeforeItBegins(NaiveDate),
    /// It ended earlier already.
    #[error("alias ended")]
    AliasEnded(NaiveDate),
    /// Not a telephone number of an office.
    #[error("not an office line")]
    NotAnOfficeLine,
}

impl From<BranchError> for Refusal {
    fn from(error: BranchError) -> Self {
        let rule = |path: &str, zh: String, en: String| Refusal::rule(&[path], Message::new(zh, en));
        let fixed =
            |path: &str, zh: &'static str, en: &'static str| Refusal::rule(&[path], Message::new(zh, en));
        match error {
            BranchError::InTheFuture(field, today) => rule(
                field,
                format!("日期不得晚于今日（{today}）"),
                format!("The day is after today ({today})"),
            ),
            BranchError::BeforeFounding(field, founded_on) => rule(
                field,
                format!("日期不得早于支部成立日期（{founded_on}）"),
                format!("The day is before the branch was founded ({founded_on})"),
            ),
            BranchError::Ended(field, status) => {
                let (zh, en) = ended(status);
                Refusal::new(
                    RefusalCode::InvalidTransition,
                    &[field],
                    Message::new(
                        format!("该支部{zh}，不能再变更"),
                        format!("The branch was {en}; it changes no more"),
                    ),
                )
            }
            BranchError::WrongOrganization => fixed(
                "organizationId",
                "支部须隶属于基层党(工)委或党总支",
                "A branch stands under a committee or a general branch",
            ),
            BranchError::CodeTaken(code) => Refusal::new(
                RefusalCode::AlreadyExists,
                &["code"],
                Message::new(
                    format!("代码 {code} 在该时段已被支部使用（含别名）"),
                    format!("A branch holds the code {code} at that time, as its own or as an alias"),
                ),
            ),
            BranchError::TooFewMembers(minimum) => rule(
                "memberCount",
                format!("单独组建党支部须有正式党员 {minimum} 人以上"),
                format!("A branch of its own needs at least {minimum} full members"),
            ),
            BranchError::NegativeMembers => Refusal::invalid(
                &["memberCount"],
                Message::new("人数不能为负", "A count cannot be negative"),
            ),
            BranchError::TemporaryHasNoTerm(field) => fixed(
                field,
                "临时党支部不进行换届选举，没有任期",
                "A temporary branch holds no elections and has no term",
            ),
            BranchError::NotAfterPrevious(previous) => rule(
                "electedOn",
                format!("换届日期须晚于上一次换届（{previous}）"),
                format!("The election is not after the one before ({previous})"),
            ),
            BranchError::TermYears { given, most } => rule(
                "termYears",
                format!("该领域支部每届任期为 1 至 {most} 年，填写了 {given} 年"),
                format!("A term in this domain has 1 to {most} years, {given} were given"),
            ),
            BranchError::NoTerm => fixed(
                "branchId",
                "尚无换届记录，不能延期",
                "No election is recorded, so there is no term to extend",
            ),
            BranchError::NoExtension(end) => rule(
                "extendedTo",
                format!("延期须晚于现届满日期（{end}）"),
                format!("The extension is not later than the end of the term ({end})"),
            ),
            BranchError::ExtensionTooLong(latest) => rule(
                "extendedTo",
                format!("延期最长不超过一年（至 {latest}）"),
                format!("A term is extended by one year at most (to {latest})"),
            ),
            BranchError::NoMove => Refusal::invalid(
                &["effectiveOn"],
                Message::new(
                    "只有调整隶属关系时才能填写生效日期",
                    "A date of effect goes with a move only",
                ),
            ),
            BranchError::MergeIntoItself => fixed(
                "intoBranchId",
                "支部不能合并到自身",
                "A branch cannot be merged into itself",
            ),
            BranchError::MergeRing => fixed(
                "intoBranchId",
                "不能循环合并：目标支部此前已并入本支部",
                "Mergers cannot form a ring: the other branch was merged into this one before",
            ),
            BranchError::MergeIntoEnded(status) => {
                let (zh, en) = ended(status);
                rule(
                    "intoBranchId",
                    format!("目标支部{zh}，不能并入"),
                    format!("The other branch was {en}; nothing can be merged into it"),
                )
            }
            BranchError::MergeTemporary(field) => fixed(
                field,
                "临时党支部随任务结束而撤销，不参与合并",
                "A temporary branch ends with its task and takes no part in mergers",
            ),
            BranchError::TooManySuccessions => rule(
                "intoBranchId",
                format!("连续合并最多 {MAX_SUCCESSIONS} 次，否则旧代码无法追溯"),
                format!("At most {MAX_SUCCESSIONS} mergers in a row, or old codes could not be followed"),
            ),
            BranchError::AliasEndsBeforeItBegins(since) => rule(
                "until",
                format!("截止日期不得早于启用日期（{since}）"),
                format!("The last day is before the first ({since})"),
            ),
            BranchError::AliasEnded(until) => rule(
                "until",
                format!("该别名已于 {until} 停用"),
                format!("The alias ended on {until} already"),
            ),
            BranchError::NotAnOfficeLine => Refusal::invalid(
                &["contactPhone"],
                Message::new(
                    "请填写办公固定电话，如 0592-6051234 转 12；不保存手机号码和姓名",
                    "Give an office line, such as 0592-6051234 转 12; mobile numbers and names are not kept",
                ),
            ),
        }
    }
}

fn ended(status: BranchStatus) -> (&'static str, &'static str) {
    match status {
        BranchStatus::Active => ("运行中", "active"),
        BranchStatus::Merged => ("已合并", "merged"),
        BranchStatus::Dissolved => ("已撤销", "dissolved"),
    }
}
