//! What an organization is, and the rules of the tree.

use chrono::NaiveDate;

use crate::kernel::{
    id::{HeadcountId, OrganizationId},
    message::Message,
    names::stored_names,
    refusal::{Refusal, RefusalCode},
};

stored_names! {
    /// The contract's `OrganizationKind`.
    OrganizationKind {
        /// 区委
        District => "DISTRICT",
        /// 基层党(工)委
        Committee => "COMMITTEE",
        /// 党总支
        GeneralBranch => "GENERAL_BRANCH",
    }
}

impl OrganizationKind {
    /// The kind that stands directly above this one; none above the district.
    pub fn parent(self) -> Option<Self> {
        match self {
            OrganizationKind::District => None,
            OrganizationKind::Committee => Some(OrganizationKind::District),
            OrganizationKind::GeneralBranch => Some(OrganizationKind::Committee),
        }
    }
}

/// An organization as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its key.
    pub id: OrganizationId,
    /// Its code, normalized and unique.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its level.
    pub kind: OrganizationKind,
    /// The organization above; none above the district.
    pub parent_id: Option<OrganizationId>,
    /// Grows with every change.
    pub version: i32,
}

stored_names! {
    /// The contract's `HeadcountKind`: aggregate counts, never names.
    HeadcountKind {
        /// 村(居)两委班子成员
        TwoCommittees => "TWO_COMMITTEES",
        /// 党务新星
        RisingStar => "RISING_STAR",
        /// 农村党群工作者
        RuralWorker => "RURAL_WORKER",
        /// 非公党建指导员
        NonPublicInstructor => "NON_PUBLIC_INSTRUCTOR",
        /// 包保干部
        AssignedOfficial => "ASSIGNED_OFFICIAL",
        /// 党员志愿者
        Volunteer => "VOLUNTEER",
    }
}

/// A count that an organization reported for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headcount {
    /// Its key.
    pub id: HeadcountId,
    /// Who reported it.
    pub organization_id: OrganizationId,
    /// Who is counted.
    pub kind: HeadcountKind,
    /// How many, in persons.
    pub count: i32,
    /// The day they were counted.
    pub as_of: NaiveDate,
}

/// Rules of the tree that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    /// There is a district already; a service has one.
    #[error("a second district")]
    SecondDistrict,
    /// A district has no parent, everything else has one of the right kind.
    #[error("wrong parent")]
    WrongParent(OrganizationKind),
    /// The parent is the organization itself or lies below it.
    #[error("cycle")]
    Cycle,
    /// Another organization has the code.
    #[error("code taken")]
    CodeTaken(String),
    /// A day that a move cannot take effect on.
    #[error("in the future")]
    InTheFuture(&'static str, NaiveDate),
    /// `effectiveOn` without a move.
    #[error("no move to date")]
    NoMove,
}

impl From<OrganizationError> for Refusal {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::SecondDistrict => Refusal::new(
                RefusalCode::AlreadyExists,
                &["kind"],
                Message::new(
                    "区委已存在，一个服务只有一个区委",
                    "There is a district already; a service has one",
                ),
            ),
            OrganizationError::WrongParent(kind) => {
                let (zh, en) = match kind.parent() {
                    None => ("区委没有上级组织", "A district has no parent"),
                    Some(OrganizationKind::Committee) => (
                        "党总支的上级须为基层党(工)委",
                        "The parent of a general branch is a committee",
                    ),
                    Some(_) => (
                        "基层党(工)委的上级须为区委",
                        "The parent of a committee is the district",
                    ),
                };
                Refusal::rule(&["parentId"], Message::new(zh, en))
            }
            OrganizationError::Cycle => Refusal::rule(
                &["parentId"],
                Message::new(
                    "组织不能隶属于自己或其下级",
                    "An organization cannot stand below itself",
                ),
            ),
            OrganizationError::CodeTaken(code) => Refusal::new(
                RefusalCode::AlreadyExists,
                &["code"],
                Message::new(
                    format!("代码 {code} 已被其他组织使用"),
                    format!("Another organization has the code {code}"),
                ),
            ),
            OrganizationError::InTheFuture(field, today) => Refusal::rule(
                &[field],
                Message::new(
                    format!("日期不得晚于今日（{today}）"),
                    format!("The day is after today ({today})"),
                ),
            ),
            OrganizationError::NoMove => Refusal::invalid(
                &["effectiveOn"],
                Message::new(
                    "只有调整隶属关系时才能填写生效日期",
                    "A date of effect goes with a move only",
                ),
            ),
        }
    }
}
