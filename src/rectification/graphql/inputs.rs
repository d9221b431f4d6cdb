//! What mutations on rectifications are given.

use async_graphql::{ID, InputObject, MaybeUndefined};

use super::{RectificationOrigin, Severity, SupportMeans};
use crate::{
    campaign::graphql::Aspect,
    graphql::{inputs::each_once, scalars::Date},
    rectification::Finding,
};

/// 发现的问题 · A problem that was found.
#[derive(InputObject)]
pub struct FindingInput {
    /// 方面 · What it belongs to.
    aspect: Aspect,
    /// 体检项目 · The item it is about: one of the latest campaign's template.
    item_code: Option<String>,
    /// 问题 · What is wrong, at most 200 characters.
    title: String,
    /// 开方 · What is to be done, at most 4,000 characters.
    prescription: String,
    /// 严重程度 · How grave it is.
    #[graphql(default_with = "Severity::Minor")]
    severity: Severity,
    /// 整改期限 · The day by which it is to be put right; today or later.
    due_on: Date,
    /// 帮扶方式 · How the branch is helped, each once.
    #[graphql(default)]
    support: Vec<SupportMeans>,
}

impl From<FindingInput> for Finding {
    fn from(input: FindingInput) -> Self {
        Self {
            aspect: input.aspect.into(),
            item_code: input.item_code,
            title: input.title,
            prescription: input.prescription,
            severity: input.severity.into(),
            due_on: input.due_on.0,
            support: each_once(Some(input.support)).unwrap_or_default(),
        }
    }
}

/// 登记问题 · A finding to raise.
#[derive(InputObject)]
pub struct RaiseRectificationInput {
    /// 党支部 · Whose problem it is.
    pub branch_id: ID,
    /// 来源 · INSPECTION, or CONSULTATION: then it belongs to the branch's health check.
    pub origin: RectificationOrigin,
    /// 问题 · What was found.
    pub finding: FindingInput,
}

/// 交办整改 · By when a problem is to be put right, and how.
#[derive(InputObject)]
pub struct AssignRectificationInput {
    /// 整改问题 · Which one.
    pub id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 整改期限 · The day by which it is to be put right; today or later.
    pub due_on: Date,
    /// 开方 · What is to be done, at most 4,000 characters; stays when left out, null clears it.
    pub prescription: MaybeUndefined<String>,
    /// 帮扶方式 · How the branch is helped, each once; stays when left out, null clears it.
    pub support: MaybeUndefined<Vec<SupportMeans>>,
    /// 说明 · What is said, at most 4,000 characters.
    pub note: Option<String>,
}

/// 整改步骤 · A step of a rectification.
#[derive(InputObject)]
pub struct RectificationStepInput {
    /// 整改问题 · Which one.
    pub id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 说明 · What is said, at most 4,000 characters.
    pub note: String,
}

/// 销号或复查 · What is closed or reviewed.
#[derive(InputObject)]
pub struct CloseRectificationInput {
    /// 整改问题 · Which one.
    pub id: ID,
    /// 所据版本 · The version that was read.
    pub version: i32,
    /// 说明 · What was seen, at most 4,000 characters.
    pub note: String,
    /// 下次复查日期 · The next review, after today; 90 days on when left out, unless the deployment says otherwise.
    pub next_review_on: Option<Date>,
}
