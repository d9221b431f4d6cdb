//! Campaigns in the API.

use async_graphql::Enum;

use super::model;

/// 体检方面 · Aspects of a health check: six of the regular items, and the tailored items of a domain.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Aspect")]
pub enum Aspect {
    /// 组织建设
    Organization,
    /// 教育管理
    Education,
    /// 议事决策
    DecisionMaking,
    /// 组织生活
    OrganizationalLife,
    /// 作用发挥
    Role,
    /// 基础保障
    Support,
    /// 个性体检
    Tailored,
}

/// 核验方式 · How an item is judged.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Verification")]
pub enum Verification {
    /// 由记录计算
    Computed,
    /// 佐证材料
    Evidence,
    /// 自主申报
    SelfDeclared,
}
