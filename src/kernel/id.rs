//! Ids inside, and global object identification outside (Relay, "GraphQL Global Object Identification").

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
pub use entity::ids::*;

/// What a global id names. The order has no meaning; the text is part of every id handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeType {
    /// 党组织.
    Organization,
    /// 党支部.
    Branch,
    /// 党建品牌.
    Brand,
    /// 结对共建.
    Pairing,
    /// 结对活动: what the partners of a pairing did together.
    PairingActivity,
    /// 培训记录.
    TrainingRecord,
    /// 阵地: a training base or a neighbourhood station.
    Site,
    /// 人数: how many of a kind an organization had on a day.
    Headcount,
    /// 年度活动.
    Campaign,
    /// 红色体检: the check of a branch in a campaign.
    HealthCheck,
    /// 问题整改: a problem to be put right.
    Rectification,
    /// 积分来源: a platform that points come from.
    PointSource,
    /// 积分流水: a line of the ledger.
    PointEntry,
    /// 待处理条目: an entry that could not be booked.
    QuarantinedEntry,
    /// 拉取记录: one reading of a platform.
    PullRun,
    /// 金牌申报: a branch's application for the title of a gold branch.
    GoldApplication,
    /// 一票否决: a serious negative fact.
    Veto,
    /// 审计记录.
    AuditEntry,
}

impl NodeType {
    /// Every type that implements `Node`.
    pub const ALL: [NodeType; 18] = [
        NodeType::Organization,
        NodeType::Branch,
        NodeType::Brand,
        NodeType::Pairing,
        NodeType::PairingActivity,
        NodeType::TrainingRecord,
        NodeType::Site,
        NodeType::Headcount,
        NodeType::Campaign,
        NodeType::HealthCheck,
        NodeType::Rectification,
        NodeType::PointSource,
        NodeType::PointEntry,
        NodeType::QuarantinedEntry,
        NodeType::PullRun,
        NodeType::GoldApplication,
        NodeType::Veto,
        NodeType::AuditEntry,
    ];

    /// The GraphQL type's name.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeType::Organization => "Organization",
            NodeType::Branch => "Branch",
            NodeType::Brand => "Brand",
            NodeType::Pairing => "Pairing",
            NodeType::PairingActivity => "PairingActivity",
            NodeType::TrainingRecord => "TrainingRecord",
            NodeType::Site => "Site",
            NodeType::Headcount => "Headcount",
            NodeType::Campaign => "Campaign",
            NodeType::HealthCheck => "HealthCheck",
            NodeType::Rectification => "Rectification",
            NodeType::PointSource => "PointSource",
            NodeType::PointEntry => "PointEntry",
            NodeType::QuarantinedEntry => "QuarantinedEntry",
            NodeType::PullRun => "PullRun",
            NodeType::GoldApplication => "GoldApplication",
            NodeType::Veto => "Veto",
            NodeType::AuditEntry => "AuditEntry",
        }
    }

    /// The type of a name, if it is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }
}

/// A global id: base64url of `Type:number`. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// What kind of thing it names.
    pub node_type: NodeType,
    /// Its key.
    pub number: i64,
}

impl GlobalId {
    /// The id in the form clients hold.
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", self.node_type.as_str(), self.number))
    }

    /// None for what is not one of ours; callers treat that as something that does not exist.
    pub fn decode(text: &str) -> Option<Self> {
        // Longer than any id we hand out: not worth decoding.
        if text.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (name, number) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        let id = Self {
            node_type: NodeType::parse(name)?,
            number: number.parse().ok()?,
        };
        // One spelling an id: "+1" and "01" parse, but were never handed out.
        (id.encode() == text).then_some(id)
    }
}

/// An id newtype that has a global form.
pub trait NodeId: Copy + From<i64> + Into<i64> {
    /// The type it names.
    const TYPE: NodeType;

    /// Its global form.
    fn global(self) -> String {
        GlobalId {
            node_type: Self::TYPE,
            number: self.into(),
        }
        .encode()
    }

    /// None for ids that are not ours or name another type.
    fn from_global(text: &str) -> Option<Self> {
        GlobalId::decode(text)
            .filter(|id| id.node_type == Self::TYPE)
            .map(|id| id.number.into())
    }
}

macro_rules! node_ids {
    ($($id:ident => $type:ident),* $(,)?) => {$(
        impl NodeId for $id {
            const TYPE: NodeType = NodeType::$type;
        }
    )*};
}

node_ids! {
    OrganizationId => Organization,
    BranchId => Branch,
    BrandId => Brand,
    PairingId => Pairing,
    PairingActivityId => PairingActivity,
    TrainingRecordId => TrainingRecord,
    SiteId => Site,
    HeadcountId => Headcount,
    CampaignId => Campaign,
    HealthCheckId => HealthCheck,
    RectificationId => Rectification,
    PointSourceId => PointSource,
    PointEntryId => PointEntry,
    QuarantinedEntryId => QuarantinedEntry,
    PullRunId => PullRun,
    GoldApplicationId => GoldApplication,
    VetoId => Veto,
    AuditEntryId => AuditEntry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_type_or_spelling_names_nothing() {
        let id = BranchId(42).global();
        assert_eq!(BranchId::from_global(&id), Some(BranchId(42)));
        assert_eq!(PairingId::from_global(&id), None);
        for text in [
            "",
            "Branch:42",
            "!!",
            &URL_SAFE_NO_PAD.encode("Branch:042"),
            &URL_SAFE_NO_PAD.encode("Branch:x"),
        ] {
            assert_eq!(GlobalId::decode(text), None, "{text}");
        }
    }
}
