//! Global object identification: `Node`, `node` and `nodes` (Relay).

use async_graphql::{Context, ID, Interface, Object};

use super::{
    caller::Caller,
    error::{ApiError, nullable},
};
use crate::{
    audit::graphql::AuditEntry,
    branch::graphql::Branch,
    brand::graphql::Brand,
    campaign::graphql::Campaign,
    gold::graphql::{GoldApplication, Veto},
    health_check::graphql::HealthCheck,
    kernel::{
        id::{GlobalId, NodeType},
        message::Message,
    },
    organization::graphql::{Headcount, Organization},
    pairing::graphql::{Pairing, PairingActivity},
    platform::graphql::PullRun,
    points::graphql::{PointEntry, PointSource, QuarantinedEntry},
    rectification::graphql::Rectification,
    training::graphql::{Site, TrainingRecord},
};

/// 全局对象 · Something with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "全局标识 · Global id, opaque to clients."))]
pub enum Node {
    /// 组织
    Organization(Organization),
    /// 党支部
    Branch(Branch),
    /// 支部品牌
    Brand(Brand),
    /// 培训记录
    TrainingRecord(TrainingRecord),
    /// 阵地
    Site(Site),
    /// 人数统计
    Headcount(Headcount),
    /// 审计记录
    AuditEntry(AuditEntry),
    /// 结对共建
    Pairing(Pairing),
    /// 结对活动
    PairingActivity(PairingActivity),
    /// 红色体检
    HealthCheck(HealthCheck),
    /// 问题整改
    Rectification(Rectification),
    /// 积分来源
    PointSource(PointSource),
    /// 积分流水
    PointEntry(PointEntry),
    /// 待处理条目
    QuarantinedEntry(QuarantinedEntry),
    /// 拉取记录
    PullRun(PullRun),
    /// 年度活动
    Campaign(Campaign),
    /// 金牌申报
    GoldApplication(GoldApplication),
    /// 一票否决
    Veto(Veto),
}

impl Node {
    /// Loads what an id names; None where it names nothing the caller may see.
    pub async fn load(caller: &Caller, id: GlobalId) -> Result<Option<Self>, ApiError> {
        let number = id.number;
        Ok(match id.node_type {
            NodeType::Organization => Organization::load(caller, number.into())
                .await?
                .map(Node::Organization),
            NodeType::Branch => Branch::load(caller, number.into()).await?.map(Node::Branch),
            NodeType::AuditEntry => AuditEntry::load(caller, number.into())
                .await?
                .map(Node::AuditEntry),
            NodeType::Brand => Brand::load(caller, number.into()).await?.map(Node::Brand),
            NodeType::TrainingRecord => TrainingRecord::load(caller, number.into())
                .await?
                .map(Node::TrainingRecord),
            NodeType::Site => Site::load(caller, number.into()).await?.map(Node::Site),
            NodeType::Headcount => Headcount::load(caller, number.into()).await?.map(Node::Headcount),
            NodeType::Pairing => Pairing::load(caller, number.into()).await?.map(Node::Pairing),
            NodeType::PairingActivity => PairingActivity::load(caller, number.into())
                .await?
                .map(Node::PairingActivity),
            NodeType::HealthCheck => HealthCheck::load(caller, number.into())
                .await?
                .map(Node::HealthCheck),
            NodeType::Rectification => Rectification::load(caller, number.into())
                .await?
                .map(Node::Rectification),
            NodeType::PointSource => PointSource::load(caller, number.into())
                .await?
                .map(Node::PointSource),
            NodeType::PointEntry => PointEntry::load(caller, number.into())
                .await?
                .map(Node::PointEntry),
            NodeType::QuarantinedEntry => QuarantinedEntry::load(caller, number.into())
                .await?
                .map(Node::QuarantinedEntry),
            NodeType::Campaign => Campaign::load(caller, number.into()).await?.map(Node::Campaign),
            NodeType::PullRun => PullRun::load(caller, number.into()).await?.map(Node::PullRun),
            NodeType::GoldApplication => GoldApplication::load(caller, number.into())
                .await?
                .map(Node::GoldApplication),
            NodeType::Veto => Veto::load(caller, number.into()).await?.map(Node::Veto),
        })
    }
}

/// How many ids `nodes` takes.
pub const MAX_NODES: usize = 100;

/// The two roots of global object identification.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// 按标识取对象 · What a global id names; null where there is none or the caller may not see it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "全局标识 · Which one.")] id: ID,
    ) -> Option<Result<Node, ApiError>> {
        nullable(async {
            match GlobalId::decode(&id) {
                Some(id) => Node::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 按标识批量取对象 · What up to 100 global ids name, in their order; null where there is none or it is out of scope.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "全局标识 · Which ones, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, ApiError> {
        if ids.len() > MAX_NODES {
            return Err(ApiError::bad_request(Message::new(
                format!("一次最多查询 {MAX_NODES} 个标识，给出了 {} 个", ids.len()),
                format!("At most {MAX_NODES} ids at once, {} were given", ids.len()),
            ))
            .with_limit("nodes", MAX_NODES as u64, Some(ids.len() as u64)));
        }
        let caller = Caller::of(ctx)?;
        futures_util::future::try_join_all(ids.iter().map(|id| async move {
            match GlobalId::decode(id) {
                Some(id) => Node::load(caller, id).await,
                None => Ok(None),
            }
        }))
        .await
    }
}
