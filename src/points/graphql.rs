//! Points in the API.

mod branch_part;
mod entry;
mod leaderboard;
mod mutation;
mod quarantine;
mod source;

use async_graphql::{Context, Enum, MergedObject, MergedSubscription};
pub use branch_part::{BranchPoints, PointStanding};
pub use entry::{PointEntry, PointEntryFilter, Posting};
pub use leaderboard::{Leaderboard, LeaderboardRow};
pub use mutation::PointsMutation;
pub use quarantine::{QuarantineReason, QuarantineState, QuarantinedEntry};
pub use source::PointSource;

use super::model;
use crate::{
    graphql::{caller::Caller, error::ApiError, scalars},
    kernel::period::Period,
    storage::StoreError,
};

/// 积分类别 · What an entry does.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::EntryKind")]
pub enum PointEntryKind {
    /// 积分 · An activity earned points.
    Earn,
    /// 冲正 · The event that it names counts nothing.
    Reversal,
    /// 更正 · The event that it names is worth this instead.
    Correction,
    /// 调整 · The district's own, with a document number; made by adjustPoints only.
    Adjustment,
}

/// 积分事由 · What the points were earned with. Meetings and lectures here feed the computed items of a health check.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Activity")]
pub enum Activity {
    /// 党员大会
    GeneralMeeting,
    /// 支委会
    CommitteeMeeting,
    /// 党小组会
    GroupMeeting,
    /// 党课
    PartyLecture,
    /// 主题党日
    ThemeDay,
    /// 组织生活会
    LifeMeeting,
    /// 民主评议党员
    DemocraticAppraisal,
    /// 志愿服务
    Volunteering,
    /// 学习培训
    Study,
    /// 共建活动
    JointActivity,
    /// 信息维护
    DataUpkeep,
    /// 其他
    Other,
}

/// Queries on points.
#[derive(MergedObject, Default)]
pub struct PointsQuery(
    entry::EntryQuery,
    leaderboard::LeaderboardQuery,
    quarantine::QuarantineQuery,
    source::SourceQuery,
);

/// Subscriptions on points.
#[derive(MergedSubscription, Default)]
pub struct PointsSubscription(leaderboard::LeaderboardSubscription, source::SourceSubscription);

/// The period that is asked for; this year where none is.
async fn period_of(ctx: &Context<'_>, period: Option<scalars::Period>) -> Result<Period, ApiError> {
    if let Some(period) = period {
        return Ok(period.0);
    }
    let year = Caller::of(ctx)?.this_year().await?;
    Period::of_year(year)
        .ok_or_else(|| ApiError::internal(StoreError::corrupt("campaign.year", &year.to_string())))
}
