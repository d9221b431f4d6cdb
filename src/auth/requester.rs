//! A caller whose token has been checked.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    policy::Act,
    scope::{Extent, Grant, Scope, Sources},
};
use crate::{
    kernel::id::{BranchId, ExaminerId, OrganizationId, PointSourceId},
    storage::write::{Actor, Failure, WritePatience},
};

/// The contract's `Role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// 区委组织部
    DistrictAdmin,
    /// 基层党(工)委
    CommitteeOfficer,
    /// 体检队员
    Examiner,
    /// 支部书记、党务工作者
    BranchOfficer,
    /// 只读
    Viewer,
    /// 平台适配器
    Adapter,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] = [
        Role::DistrictAdmin,
        Role::CommitteeOfficer,
        Role::Examiner,
        Role::BranchOfficer,
        Role::Viewer,
        Role::Adapter,
    ];

    /// The contract's name, as it stands in tokens and in the audit trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::DistrictAdmin => "DISTRICT_ADMIN",
            Role::CommitteeOfficer => "COMMITTEE_OFFICER",
            Role::Examiner => "EXAMINER",
            Role::BranchOfficer => "BRANCH_OFFICER",
            Role::Viewer => "VIEWER",
            Role::Adapter => "ADAPTER",
        }
    }

    /// The role of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requester {
    pub(super) subject: Arc<str>,
    pub(super) role: Role,
    pub(super) organization: Option<OrganizationId>,
    pub(super) branch: Option<BranchId>,
    pub(super) source: Option<Arc<str>>,
    pub(super) source_id: Option<PointSourceId>,
    pub(super) examiner: Option<ExaminerId>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) anonymous: bool,
}

impl Requester {
    /// The token's subject, opaque.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The same, to be held.
    pub fn shared_subject(&self) -> Arc<str> {
        self.subject.clone()
    }

    /// The token's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The organization the token is for.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    /// The branch the token is for; an examiner's own.
    pub fn branch(&self) -> Option<BranchId> {
        self.branch
    }

    /// The source an adapter may push for.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Whether another token may take the place of this one's on a connection: of the same subject, role and scope.
    pub fn is_renewed_by(&self, other: &Self) -> bool {
        // What was looked up is not the token's: an examiner's first check may have been assigned since.
        let said = |requester: &Self| Self {
            examiner: None,
            source_id: None,
            ..requester.undated()
        };
        said(self) == said(other)
    }

    /// All that it is but for when its token ends.
    pub fn undated(&self) -> Self {
        Self {
            expires_at: None,
            ..self.clone()
        }
    }

    /// When the token ends; none for anonymous callers.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// Whether there was no token at all.
    pub fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// What the caller may see.
    pub fn scope(&self) -> Scope {
        let extent = match self.role {
            Role::DistrictAdmin => Extent::District,
            Role::CommitteeOfficer => self.organization.map_or(Extent::Nothing, Extent::Subtree),
            Role::BranchOfficer => self.branch.map_or(Extent::Nothing, Extent::Branch),
            // An anonymous viewer has no scope; a viewer without an organization has the district's.
            Role::Viewer if self.anonymous => Extent::Nothing,
            Role::Viewer => self.organization.map_or(Extent::District, Extent::Subtree),
            Role::Examiner => self.assigned(),
            Role::Adapter => Extent::Nothing,
        };
        let sources = match self.role {
            Role::DistrictAdmin => Sources::All,
            Role::Adapter => self.source_id.map_or(Sources::None, Sources::One),
            _ => Sources::None,
        };
        Scope::new(self.role != Role::Adapter, extent, sources)
    }

    /// The right to do something, where the caller's role has it at all; over what, the grant says.
    pub fn grant(&self, act: Act) -> Result<Grant, Failure> {
        let extent = match self.role {
            role if !act.roles().contains(&role) => None,
            Role::DistrictAdmin => Some(Extent::District),
            Role::CommitteeOfficer => self.organization.map(Extent::Subtree),
            Role::BranchOfficer => self.branch.map(Extent::Branch),
            // It has a source, and nothing besides.
            Role::Adapter => Some(Extent::Nothing),
            Role::Examiner => Some(self.assigned()),
            Role::Viewer => None,
        };
        extent
            .map(|extent| Grant::new(extent, self.scope()))
            .ok_or(Failure::Forbidden)
    }

    /// What an examiner was assigned to; nothing as long as it never was.
    fn assigned(&self) -> Extent {
        let own = self.branch;
        self.examiner
            .map_or(Extent::Nothing, |examiner| Extent::Assigned { examiner, own })
    }

    /// For the audit trail.
    pub fn actor(&self, request_id: &str) -> Actor {
        Actor {
            subject: self.subject.to_string(),
            role: Some(self.role.as_str()),
            request_id: request_id.to_owned(),
            patience: WritePatience::Caller,
        }
    }
}
