//! What is known of an item of a check.

use async_graphql::{Context, Object};

use super::ItemVerdict;
use crate::{
    campaign::graphql::CheckItem,
    graphql::{caller::Caller, error::ApiError},
    health_check::record::CheckResult,
};

/// What is known of an item of a check.
pub struct ItemResult {
    row: CheckResult,
}

impl ItemResult {
    /// The API's form of a result.
    pub fn new(row: CheckResult) -> Self {
        Self { row }
    }
}

/// 项目结果 · What is known of an item of a health check.
#[Object]
impl ItemResult {
    /// 体检项目 · The item, as the campaign's template has it.
    async fn item(&self) -> CheckItem {
        CheckItem::new(self.row.item.clone())
    }

    /// 自检判定 · What the branch said; of computed items what was computed when it submitted.
    async fn self_verdict(&self) -> ItemVerdict {
        self.row.self_verdict.into()
    }

    /// 判定 · What counts: the examiner's where there is one.
    async fn verdict(&self) -> ItemVerdict {
        self.row.verdict.into()
    }

    /// 得分 · Of tailored items: 0 to 4.
    async fn score(&self) -> Option<i32> {
        self.row.score
    }

    /// 计算依据 · Of computed items: what was counted, such as 3/4 季度 (3 of 4 quarters), in the caller's language.
    async fn computed(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let lang = Caller::of(ctx)?.lang;
        let computed = self.row.computed.as_ref();
        Ok(computed.map(|computed| computed.words().text(lang).to_owned()))
    }

    /// 佐证 · What the branch and its examiners point to.
    async fn evidence(&self) -> &[String] {
        &self.row.evidence
    }

    /// 说明 · What was said about it last.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }
}
