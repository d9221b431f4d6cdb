//! Rules of health checks that a mutation can run against, in words.

use chrono::NaiveDate;

use super::{CheckStage, ItemVerdict, VisitKind};
use crate::kernel::{
    message::Message,
    refusal::{Refusal, RefusalCode},
};

/// Rules of health checks that a mutation can run against. A path is that of the answer in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// The branch was merged or dissolved.
    BranchEnded,
    /// Nothing is done with a closed check.
    Closed,
    /// Nothing was answered.
    NoAnswers,
    /// More answers than a check has items.
    TooManyAnswers(usize),
    /// One item twice.
    Twice(String),
    /// The check has no such item; of which domain it is, where it is another's.
    NoSuchItem(String, Option<&'static str>),
    /// A branch answers an item that is computed.
    Computed(String),
    /// An examiner's verdict on a computed item without a note.
    OverruledWithoutNote(String),
    /// A tailored item without a score, or with one that it does not have.
    Score(String, Option<i32>),
    /// A regular item with a score.
    ScoreOfRegular(String),
    /// A verdict that does not follow from the score; which does.
    VerdictOfScore {
        /// The item.
        item: String,
        /// The verdict that follows.
        expected: ItemVerdict,
        /// A tailored item is met from this score on.
        met_from: u32,
    },
    /// A tailored item is never not applicable.
    TailoredApplies(String),
    /// An examiner does not take an answer back.
    Unanswered(String),
    /// More texts than evidence has.
    TooMuchEvidence(usize),
    /// Items that are not answered yet.
    NotAnswered(Vec<String>),
    /// In a recheck a verdict is turned to MET, and only that.
    OnlyToMet(String),
    /// The item's problem is not closed, or there is none.
    NotPutRight(String),
    /// An examiner examines its own branch.
    OwnBranch,
    /// An examiner whose token names no branch.
    NoBranch,
    /// A visit in the future.
    VisitInTheFuture(NaiveDate),
    /// A visit before the campaign's window.
    VisitBefore(NaiveDate),
    /// Visits that are missing.
    MissingVisits(Vec<VisitKind>),
    /// More examiners than a check has.
    TooManyExaminers(usize),
    /// Not what a token's subject looks like.
    Subject(String),
    /// More findings than a consultation has.
    TooManyFindings(usize),
}

impl VisitKind {
    /// Its name in words.
    pub fn words(self) -> Message {
        match self {
            Self::Report => Message::new("听取一次汇报", "a report"),
            Self::Interview => Message::new("组织一次访谈", "an interview"),
            Self::Materials => Message::new("查看一批材料", "materials"),
            Self::Feedback => Message::new("进行一次反馈", "feedback"),
        }
    }
}

impl CheckError {
    /// The refusal of an answer, whose place in the input is `path`.
    pub fn at(self, path: &[&str]) -> Refusal {
        let refusal = Refusal::from(self);
        let path = path.iter().map(|&part| part.to_owned());
        Refusal {
            path: path.chain(refusal.path).collect(),
            ..refusal
        }
    }
}

impl From<CheckError> for Refusal {
    fn from(error: CheckError) -> Self {
        use CheckError as E;
        let invalid =
            |field: &'static str, zh: String, en: String| Refusal::invalid(&[field], Message::new(zh, en));
        let rule =
            |field: &'static str, zh: String, en: String| Refusal::rule(&[field], Message::new(zh, en));
        match error {
            E::BranchEnded => rule(
                "healthCheckId",
                "党支部已合并或撤销，其体检不再办理".to_owned(),
                "The branch was merged or dissolved; nothing is done with its health checks any more"
                    .to_owned(),
            ),
            E::Closed => Refusal::new(
                RefusalCode::InvalidTransition,
                &["healthCheckId"],
                Message::new(
                    format!(
                        "体检现为 {}，已闭环，不能再办理；当前允许：无",
                        CheckStage::Closed.as_str()
                    ),
                    format!(
                        "The health check is {}: nothing is done with it any more; allowed from here: none",
                        CheckStage::Closed.as_str()
                    ),
                ),
            ),
            E::NoAnswers => invalid(
                "answers",
                "请至少作答一项".to_owned(),
                "Answer at least one item".to_owned(),
            ),
            E::TooManyAnswers(most) => invalid(
                "answers",
                format!("最多 {most} 项：一次体检的项目数"),
                format!("At most {most}: the items of a health check"),
            ),
            E::Twice(item) => invalid(
                "itemCode",
                format!("项目 {item} 重复作答"),
                format!("The item {item} is answered twice"),
            ),
            E::NoSuchItem(item, None) => invalid(
                "itemCode",
                format!("本次体检没有项目 {item}"),
                format!("This health check has no item {item}"),
            ),
            E::NoSuchItem(item, Some(domain)) => invalid(
                "itemCode",
                format!("项目 {item} 只适用于领域 {domain}，不属于该支部的体检"),
                format!("The item {item} concerns branches of {domain} only, not this one"),
            ),
            E::Computed(item) => rule(
                "itemCode",
                format!("项目 {item} 由记录计算，支部不能填报"),
                format!("The item {item} is computed from records and cannot be typed over"),
            ),
            E::OverruledWithoutNote(item) => rule(
                "note",
                format!("改判由记录计算的项目 {item} 须说明理由"),
                format!("To overrule the computed item {item} takes a note"),
            ),
            E::Score(item, given) => {
                let given = given.map_or_else(|| "-".to_owned(), |score| score.to_string());
                invalid(
                    "score",
                    format!("个性项目 {item} 须按 0 至 4 分评分，现为 {given}"),
                    format!("The tailored item {item} is scored from 0 to 4; given: {given}"),
                )
            }
            E::ScoreOfRegular(item) => invalid(
                "score",
                format!("常规项目 {item} 只评达标与否，不评分"),
                format!("The regular item {item} is met or not; it has no score"),
            ),
            E::VerdictOfScore {
                item,
                expected,
                met_from,
            } => invalid(
                "verdict",
                format!(
                    "个性项目 {item} 得 {met_from} 分及以上为达标：按所给分数应为 {}",
                    expected.as_str()
                ),
                format!(
                    "The tailored item {item} is met from {met_from} points on: by its score it is {}",
                    expected.as_str()
                ),
            ),
            E::TailoredApplies(item) => rule(
                "verdict",
                format!("个性项目 {item} 不得判为不适用"),
                format!("The tailored item {item} is never not applicable"),
            ),
            E::Unanswered(item) => invalid(
                "verdict",
                format!("项目 {item} 须作出判定"),
                format!("The item {item} needs a verdict"),
            ),
            E::TooMuchEvidence(most) => invalid(
                "evidence",
                format!("佐证最多 {most} 条"),
                format!("At most {most} pieces of evidence"),
            ),
            E::NotAnswered(items) => {
                let (count, named) = named(&items);
                rule(
                    "id",
                    format!("还有 {count} 项未作答：{named}"),
                    format!("{count} items are not answered: {named}"),
                )
            }
            E::OnlyToMet(item) => rule(
                "verdict",
                format!("复查阶段只能将项目 {item} 由未达标改判为达标"),
                format!("In the recheck the verdict on {item} is turned from NOT_MET to MET, nothing else"),
            ),
            E::NotPutRight(item) => rule(
                "itemCode",
                format!("项目 {item} 的问题尚未销号，不能改判为达标"),
                format!("The problem of the item {item} is not closed; its verdict stays"),
            ),
            E::OwnBranch => rule(
                "healthCheckId",
                "体检队员不得体检本人所在党支部".to_owned(),
                "An examiner never examines its own branch".to_owned(),
            ),
            E::NoBranch => rule(
                "healthCheckId",
                "体检队员的令牌须载明本人所在党支部".to_owned(),
                "An examiner's token has to name the examiner's own branch".to_owned(),
            ),
            E::VisitInTheFuture(today) => invalid(
                "visitedOn",
                format!("走访日期不得晚于今日（{today}）"),
                format!("A visit is not after today ({today})"),
            ),
            E::VisitBefore(day) => invalid(
                "visitedOn",
                format!("走访日期不得早于年度活动起始日（{day}）"),
                format!("A visit is not before the campaign's first day ({day})"),
            ),
            E::MissingVisits(kinds) => {
                let words = kinds.iter().map(|kind| (kind.words(), kind.as_str()));
                let (zh, en): (Vec<_>, Vec<_>) = words
                    .map(|(words, name)| {
                        (
                            format!("{}（{name}）", words.zh),
                            format!("{} ({name})", words.en),
                        )
                    })
                    .unzip();
                rule(
                    "healthCheckId",
                    format!("会诊须“四个一”齐全，还缺：{}", zh.join("、")),
                    format!(
                        "A consultation needs one visit of each kind (四个一); missing: {}",
                        en.join(", ")
                    ),
                )
            }
            E::TooManyExaminers(most) => invalid(
                "subjects",
                format!("最多指派 {most} 名体检队员"),
                format!("At most {most} examiners"),
            ),
            E::Subject(position) => Refusal::invalid(
                &["subjects", &position],
                Message::new(
                    "不是合规的主体标识：1 至 128 个可见字符，不得形似手机号、身份证号或银行卡号",
                    "Not an opaque subject: 1 to 128 visible characters that are no phone, ID-card or bank-card number",
                ),
            ),
            E::TooManyFindings(most) => invalid(
                "findings",
                format!("最多登记 {most} 个问题"),
                format!("At most {most} findings"),
            ),
        }
    }
}

/// How many, and the first of them by name.
fn named(items: &[String]) -> (usize, String) {
    const SHOWN: usize = 10;
    let mut named = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        named.push_str(", …");
    }
    (items.len(), named)
}
