//! What the board tells, number by number.

use async_graphql::{ID, SimpleObject};

use super::{
    super::tally::{GoldCounts, Lights, OfCommittee, OfDomain, PairingCounts, Seen, Terms, TrainingCounts},
    Badge,
};
use crate::{
    branch::{self, graphql::Domain},
    campaign::{self, graphql::Aspect},
    graphql::scalars::Points,
    kernel::id::NodeId as _,
    organization::graphql::Organization,
};

/// A number as the API has it.
pub(super) fn count<T: TryInto<i32>>(n: T) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}

/// 领域统计 · Of a field; temporary branches left out.
#[derive(SimpleObject)]
pub struct DomainTally {
    /// 领域 · The field.
    domain: Domain,
    /// 支部数 · Its ACTIVE branches.
    branches: i32,
    /// 金牌支部数 · Of these, those that hold a gold title.
    gold: i32,
    /// 良好 · Of these, those with the badge HEALTHY.
    healthy: i32,
    /// 新成立 · Of these, those founded from the day on which figures begin to 31 December of the year.
    founded: i32,
}

impl DomainTally {
    pub(super) fn new((domain, tally): (branch::Domain, OfDomain)) -> Self {
        Self {
            domain: domain.into(),
            branches: count(tally.branches),
            gold: count(tally.gold),
            healthy: count(tally.healthy),
            founded: count(tally.founded),
        }
    }
}

/// 党(工)委统计 · A row of the wall map.
#[derive(SimpleObject)]
pub struct CommitteeTally {
    /// 党(工)委 · The committee.
    organization: Organization,
    /// 支部数 · ACTIVE branches below it, of every form.
    branches: i32,
    /// 金牌支部数 · Of these, those that hold a gold title.
    gold: i32,
    /// 平均积分 · The year's points over its branches that are not temporary, half up.
    average_points: Points,
    /// 各方面整改 · All seven aspects.
    aspects: Vec<AspectTally>,
}

impl CommitteeTally {
    pub(super) fn new(tally: OfCommittee) -> Self {
        Self {
            organization: Organization::new(tally.organization),
            branches: count(tally.branches),
            gold: count(tally.gold),
            average_points: tally.average.into(),
            aspects: tally.aspects.into_iter().map(AspectTally::new).collect(),
        }
    }
}

/// 方面统计 · Rectifications of an aspect that were raised in the year.
#[derive(SimpleObject)]
pub struct AspectTally {
    /// 方面 · The aspect.
    aspect: Aspect,
    /// 未销号 · Still to be put right.
    open: i32,
    /// 逾期 · Of these, those past their due day.
    overdue: i32,
    /// 已销号 · Closed or waived.
    closed: i32,
}

impl AspectTally {
    fn new((aspect, lights): (campaign::Aspect, Lights)) -> Self {
        Self {
            aspect: aspect.into(),
            open: count(lights.open()),
            overdue: count(lights.red),
            closed: count(lights.green),
        }
    }
}

/// 灯号统计 · Rectifications that were raised in the year, by their light today.
#[derive(SimpleObject)]
pub struct LightTally {
    /// 绿 · Closed or waived.
    green: i32,
    /// 蓝 · Under way.
    blue: i32,
    /// 黄 · Due soon.
    amber: i32,
    /// 红 · Overdue.
    red: i32,
}

impl From<Lights> for LightTally {
    fn from(lights: Lights) -> Self {
        Self {
            green: count(lights.green),
            blue: count(lights.blue),
            amber: count(lights.amber),
            red: count(lights.red),
        }
    }
}

/// 换届统计 · Where branches stand in their terms today; those without a term, and temporary ones, are left out.
#[derive(SimpleObject)]
pub struct TermTally {
    /// 任期内
    in_term: i32,
    /// 临近届满
    due_soon: i32,
    /// 届满未换届
    overdue: i32,
    /// 按期换届 · Elections on time from the day on which figures begin to 31 December of the year.
    elected_on_time: i32,
}

impl TermTally {
    pub(super) fn new(terms: Terms, elected_on_time: i64) -> Self {
        Self {
            in_term: count(terms.in_term),
            due_soon: count(terms.due_soon),
            overdue: count(terms.overdue),
            elected_on_time: count(elected_on_time),
        }
    }
}

/// 金牌评选统计 · Applications of the year's campaign that ever reached the state.
#[derive(SimpleObject)]
pub struct GoldTally {
    /// 名额 · How many places the district's plan has; zero where it chooses none.
    quota: i32,
    /// 自主申报
    applied: i32,
    /// 把关推荐
    recommended: i32,
    /// 研究审定
    awarded: i32,
    /// 一票否决
    vetoed: i32,
}

impl From<GoldCounts> for GoldTally {
    fn from(counts: GoldCounts) -> Self {
        Self {
            quota: count(counts.quota),
            applied: count(counts.applied),
            recommended: count(counts.recommended),
            awarded: count(counts.awarded),
            vetoed: count(counts.vetoed),
        }
    }
}

/// 结对统计 · Pairings of the year that are ACTIVE or COMPLETED.
#[derive(SimpleObject)]
pub struct PairingTally {
    /// 一对多 · 1+N
    one_to_many: i32,
    /// 多对多 · N+N
    many_to_many: i32,
    /// 结对支部数 · ACTIVE branches that are members and have not left.
    branches: i32,
    /// 覆盖率 · These over all ACTIVE branches that are not temporary.
    coverage: f64,
}

impl PairingTally {
    pub(super) fn new(counts: PairingCounts, regular: usize) -> Self {
        let coverage = match regular {
            0 => 0.0,
            regular => counts.branches as f64 / regular as f64,
        };
        Self {
            one_to_many: count(counts.one_to_many),
            many_to_many: count(counts.many_to_many),
            branches: count(counts.branches),
            coverage,
        }
    }
}

/// 培训统计 · Records for SECRETARY and PARTY_WORKER, from the day on which figures begin to 31 December of the year.
#[derive(SimpleObject)]
pub struct TrainingTally {
    /// 场次
    sessions: i32,
    /// 人次
    attendances: i32,
    /// 不重复人数
    participants: i32,
    /// 学时 · Hours × attendees, summed.
    hours: f64,
}

impl From<TrainingCounts> for TrainingTally {
    fn from(counts: TrainingCounts) -> Self {
        Self {
            sessions: count(counts.sessions),
            attendances: count(counts.attendances),
            participants: count(counts.participants),
            hours: counts.quarter_hours as f64 / 4.0,
        }
    }
}

/// 支部图块 · A branch on the wall map.
#[derive(SimpleObject)]
pub struct Tile {
    /// 支部标识 · Its global id.
    branch_id: ID,
    /// 名称 · Its name.
    name: String,
    /// 领域 · Its field.
    domain: Domain,
    /// 徽标 · How it stands at a glance.
    badge: Badge,
    /// 金牌支部 · Whether it holds a gold title.
    is_gold: bool,
    /// 积分 · Its points of the year.
    points: Points,
    /// 名次 · Its rank in the district; null for temporary branches.
    rank: Option<i32>,
}

impl Tile {
    pub(super) fn new(branch: &Seen) -> Self {
        Self {
            branch_id: branch.id.global().into(),
            name: branch.name.clone(),
            domain: branch.domain.into(),
            badge: branch.badge.into(),
            is_gold: branch.gold,
            points: branch.points.into(),
            rank: branch.rank.map(count),
        }
    }
}
