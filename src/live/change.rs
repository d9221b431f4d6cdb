//! One change, as a use case reports it.

use crate::kernel::id::{BranchId, ExaminerId, GlobalId, NodeId, OrganizationId};

/// What kind of thing moved; the contract's `Topic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the contract's topic of its name")]
pub enum Topic {
    Organization,
    Branch,
    Brand,
    Pairing,
    Training,
    Campaign,
    HealthCheck,
    Rectification,
    Gold,
    Points,
    Source,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 11] = [
        Topic::Organization,
        Topic::Branch,
        Topic::Brand,
        Topic::Pairing,
        Topic::Training,
        Topic::Campaign,
        Topic::HealthCheck,
        Topic::Rectification,
        Topic::Gold,
        Topic::Points,
        Topic::Source,
    ];

    /// The contract's name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Organization => "ORGANIZATION",
            Topic::Branch => "BRANCH",
            Topic::Brand => "BRAND",
            Topic::Pairing => "PAIRING",
            Topic::Training => "TRAINING",
            Topic::Campaign => "CAMPAIGN",
            Topic::HealthCheck => "HEALTH_CHECK",
            Topic::Rectification => "RECTIFICATION",
            Topic::Gold => "GOLD",
            Topic::Points => "POINTS",
            Topic::Source => "SOURCE",
        }
    }

    /// The topic of a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == text)
    }
}

/// Some topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Topics(u16);

impl Topics {
    /// Every topic.
    pub const ALL: Self = Self::of(&Topic::ALL);

    /// These.
    pub const fn of(topics: &[Topic]) -> Self {
        let mut bits = 0;
        let mut rest = topics;
        while let [topic, more @ ..] = rest {
            bits |= 1 << *topic as u16;
            rest = more;
        }
        Self(bits)
    }

    /// These and those.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// They, one after the other.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL
            .into_iter()
            .filter(move |topic| self.0 & (1 << *topic as u16) != 0)
    }
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is there now.
    Created,
    /// It is different now.
    Updated,
    /// It is gone.
    Removed,
}

impl Action {
    /// The contract's name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Created => "CREATED",
            Action::Updated => "UPDATED",
            Action::Removed => "REMOVED",
        }
    }

    /// The action of a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [Action::Created, Action::Updated, Action::Removed]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

/// A change to report. The branches' and organizations' ancestors, which decide who is told, are added
/// when the transaction ends.
#[derive(Clone, Debug)]
pub struct Change {
    pub(crate) topic: Topic,
    pub(crate) action: Action,
    pub(crate) node: GlobalId,
    pub(crate) version: Option<i32>,
    pub(crate) branches: Vec<BranchId>,
    pub(crate) organizations: Vec<OrganizationId>,
    pub(crate) examiners: Vec<ExaminerId>,
    pub(crate) public: bool,
}

impl Change {
    /// A change that everybody signed in may hear of (docs/domain.md, 9).
    pub fn new<I: NodeId>(topic: Topic, action: Action, id: I) -> Self {
        Self {
            topic,
            action,
            node: GlobalId {
                node_type: I::TYPE,
                number: id.into(),
            },
            version: None,
            branches: Vec::new(),
            organizations: Vec::new(),
            examiners: Vec::new(),
            public: true,
        }
    }

    /// The version that the change made.
    pub fn version(mut self, version: i32) -> Self {
        self.version = Some(version);
        self
    }

    /// Branches it concerns, before and after.
    pub fn branches(mut self, ids: impl IntoIterator<Item = BranchId>) -> Self {
        self.branches.extend(ids);
        self
    }

    /// Organizations it concerns besides its branches' own: where a thing moved from, who organized it.
    pub fn organizations(mut self, ids: impl IntoIterator<Item = OrganizationId>) -> Self {
        self.organizations.extend(ids);
        self
    }

    /// Examiners it concerns besides those of its branches' checks: who is not assigned any more.
    pub fn examiners(mut self, ids: impl IntoIterator<Item = ExaminerId>) -> Self {
        self.examiners.extend(ids);
        self
    }

    /// Only those in scope of its branches or organizations may hear of it: drafts, proposals, training,
    /// rectifications.
    pub fn in_scope_only(mut self, private: bool) -> Self {
        self.public = !private;
        self
    }
}
