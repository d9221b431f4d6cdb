//! What mutations on health checks are given.

use async_graphql::{ID, InputObject};

use super::{ItemVerdict, VisitKind};
use crate::{
    graphql::scalars::Date, health_check::answers::GivenAnswer, rectification::graphql::FindingInput,
};

/// 项目作答 · What is said of an item.
#[derive(InputObject)]
pub struct CheckAnswerInput {
    /// 体检项目 · Its code.
    item_code: String,
    /// 判定 · MET or NOT_MET; NOT_APPLICABLE of a regular item; UNANSWERED takes a branch's answer back.
    verdict: ItemVerdict,
    /// 得分 · Of a tailored item: 0 to 4, MET from 3 on; none of a regular one.
    score: Option<i32>,
    /// 佐证 · What it points to: at most 20 texts of 500 characters.
    #[graphql(default)]
    evidence: Vec<String>,
    /// 说明 · At most 1,000 characters. An examiner who overrules a computed item says why.
    note: Option<String>,
}

impl From<CheckAnswerInput> for GivenAnswer {
    fn from(input: CheckAnswerInput) -> Self {
        Self {
            item_code: input.item_code,
            verdict: input.verdict.into(),
            score: input.score,
            evidence: input.evidence,
            note: input.note,
        }
    }
}

/// 体检作答 · Answers to items of a health check.
#[derive(InputObject)]
pub struct AnswerCheckItemsInput {
    /// 体检 · Which one.
    pub health_check_id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 作答 · The answers, each item once.
    pub answers: Vec<CheckAnswerInput>,
}

/// 指派体检队员 · Who examines a branch.
#[derive(InputObject)]
pub struct AssignExaminersInput {
    /// 体检 · Which one.
    pub health_check_id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 体检队员 · Opaque subjects of tokens, at most 20, in the place of those before; none where it is empty.
    pub subjects: Vec<String>,
}

/// 走访记录 · One of the four visits of a consultation.
#[derive(InputObject)]
pub struct RecordVisitInput {
    /// 体检 · Which one.
    pub health_check_id: ID,
    /// 类别 · What was done.
    pub kind: VisitKind,
    /// 日期 · When: today or earlier, not before the campaign's window.
    pub visited_on: Date,
    /// 情况 · What was seen, at most 4,000 characters.
    pub summary: String,
}

/// 会诊结论 · What the examiners found.
#[derive(InputObject)]
pub struct ConcludeConsultationInput {
    /// 体检 · Which one.
    pub health_check_id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 判定 · The examiners' verdicts, where they differ from what the branch said or add to it.
    pub verdicts: Vec<CheckAnswerInput>,
    /// 综合评价 · What they say of the branch, at most 4,000 characters.
    pub evaluation: String,
    /// 问题 · What they prescribe for, at most 50.
    #[graphql(default)]
    pub findings: Vec<FindingInput>,
}
