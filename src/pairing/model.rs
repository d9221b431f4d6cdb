//! What a pairing is, its states, and who may be in it (docs/domain.md, 6).

mod error;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};

pub use error::PairingError;

use crate::kernel::{
    id::{BranchId, OrganizationId, PairingActivityId, PairingId},
    message::Message,
    names::stored_names,
};

/// Members that a pairing has at most; ours, so that one request locks no district.
pub const MAX_MEMBERS: usize = 100;

/// Characters that a reason has at most.
pub const REASON_LIMIT: usize = 1_000;

stored_names! {
    /// How many lead and how many learn.
    PairingForm {
        /// 1+N: exactly one lead.
        OneToMany => "ONE_TO_MANY",
        /// N+N: two or more leads, two or more partners.
        ManyToMany => "MANY_TO_MANY",
    }
}

impl PairingForm {
    /// Whether so many leads and partners make this form: 1+N exactly 1 lead and 1 partner or more, N+N 2 leads
    /// and 2 partners or more.
    pub fn holds(self, leads: usize, partners: usize) -> bool {
        match self {
            PairingForm::OneToMany => leads == 1 && partners >= 1,
            PairingForm::ManyToMany => leads >= 2 && partners >= 2,
        }
    }

    /// Its name in words.
    pub fn words(self) -> &'static str {
        match self {
            PairingForm::OneToMany => "1+N",
            PairingForm::ManyToMany => "N+N",
        }
    }
}

stored_names! {
    /// What the members have in common.
    PairingBasis {
        /// 领域区分: all of one domain.
        SameDomain => "SAME_DOMAIN",
        /// 隶属关系: all under one committee.
        SameAffiliation => "SAME_AFFILIATION",
        /// 跨领域: of two domains or more.
        CrossDomain => "CROSS_DOMAIN",
    }
}

impl PairingBasis {
    /// Whether members of these domains and nearest committees share this basis. A member without a committee
    /// above it (directly below the district) shares no affiliation. 跨领域 means what it says: at least two
    /// domains (our reading).
    pub fn holds<D: PartialEq>(self, domains: &[D], committees: &[Option<OrganizationId>]) -> bool {
        match self {
            PairingBasis::SameDomain => all_equal(domains),
            PairingBasis::SameAffiliation => all_equal(committees) && committees.iter().all(Option::is_some),
            PairingBasis::CrossDomain => !all_equal(domains),
        }
    }
}

fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}

stored_names! {
    /// Where a pairing stands.
    PairingState {
        /// 待同意或待批准
        Proposed => "PROPOSED",
        /// 进行中
        Active => "ACTIVE",
        /// 已完成
        Completed => "COMPLETED",
        /// 已终止
        Terminated => "TERMINATED",
        /// 已驳回
        Rejected => "REJECTED",
    }
}

/// What can be done to a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// 同意: a member accepts.
    Accept,
    /// 批准: the committee of all, or the district, approves.
    Approve,
    /// 生效: the moment when all have accepted and it is approved.
    Activate,
    /// 驳回
    Reject,
    /// 记录活动
    RecordActivity,
    /// 完成
    Complete,
    /// 终止
    Terminate,
}

/// The state machine: from, step, to. What is not here cannot be done.
pub const TRANSITIONS: &[(PairingState, Step, PairingState)] = &[
    (PairingState::Proposed, Step::Accept, PairingState::Proposed),
    (PairingState::Proposed, Step::Approve, PairingState::Proposed),
    (PairingState::Proposed, Step::Activate, PairingState::Active),
    (PairingState::Proposed, Step::Reject, PairingState::Rejected),
    (PairingState::Active, Step::RecordActivity, PairingState::Active),
    (PairingState::Active, Step::Complete, PairingState::Completed),
    (PairingState::Active, Step::Terminate, PairingState::Terminated),
];

impl Step {
    /// Every step.
    pub const ALL: [Step; 7] = [
        Step::Accept,
        Step::Approve,
        Step::Activate,
        Step::Reject,
        Step::RecordActivity,
        Step::Complete,
        Step::Terminate,
    ];

    /// Its name in words.
    pub fn words(self) -> Message {
        match self {
            Step::Accept => Message::new("同意", "accept"),
            Step::Approve => Message::new("批准", "approve"),
            Step::Activate => Message::new("生效", "activate"),
            Step::Reject => Message::new("驳回", "reject"),
            Step::RecordActivity => Message::new("记录活动", "record an activity"),
            Step::Complete => Message::new("完成", "complete"),
            Step::Terminate => Message::new("终止", "terminate"),
        }
    }
}

impl PairingState {
    /// What a list shows when no states are asked for, and what everybody but ADAPTER may see (docs/domain.md, 9); the
    /// others are seen in scope of a member only.
    pub const PUBLIC: [PairingState; 2] = [PairingState::Active, PairingState::Completed];

    /// Whether everybody but ADAPTER may see it.
    pub fn is_public(self) -> bool {
        Self::PUBLIC.contains(&self)
    }

    /// The state after a step.
    pub fn after(self, step: Step) -> Result<PairingState, PairingError> {
        TRANSITIONS
            .iter()
            .find(|(from, by, _)| *from == self && *by == step)
            .map(|(_, _, to)| *to)
            .ok_or(PairingError::Step(self, step))
    }

    /// The steps that can be asked for from here.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        TRANSITIONS
            .iter()
            .filter(move |(from, step, _)| *from == self && *step != Step::Activate)
            .map(|(_, step, _)| *step)
    }

    /// Its name in words.
    pub fn words(self) -> &'static str {
        match self {
            PairingState::Proposed => "待同意或待批准",
            PairingState::Active => "进行中",
            PairingState::Completed => "已完成",
            PairingState::Terminated => "已终止",
            PairingState::Rejected => "已驳回",
        }
    }
}

stored_names! {
    /// What a member is in a pairing.
    PairingRole {
        /// 牵头: a gold branch.
        Lead => "LEAD",
        /// 结对
        Partner => "PARTNER",
    }
}

/// A pairing as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Its key.
    pub id: PairingId,
    /// 1+N or N+N.
    pub form: PairingForm,
    /// What the members have in common.
    pub basis: PairingBasis,
    /// What it is called.
    pub title: String,
    /// What it is for.
    pub goal: Option<String>,
    /// The campaign year it belongs to.
    pub year: i32,
    /// Where it stands.
    pub state: PairingState,
    /// Its first day; leads are gold on it.
    pub starts_on: NaiveDate,
    /// Its last day, where one was set.
    pub ends_on: Option<NaiveDate>,
    /// The branch that proposed it; none when a committee or the district did.
    pub proposed_by: Option<BranchId>,
    /// When the committee of all or the district approved, by the business clock.
    pub approved_at: Option<DateTime<Utc>>,
    /// Why it was rejected or terminated.
    pub end_reason: Option<String>,
    /// Grows with every step.
    pub version: i32,
    /// When it last changed, by the business clock.
    pub updated_at: DateTime<Utc>,
}

/// A branch in a pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The pairing.
    pub pairing_id: PairingId,
    /// The branch.
    pub branch_id: BranchId,
    /// Lead or partner.
    pub role: PairingRole,
    /// When it accepted, by the business clock.
    pub accepted_at: Option<DateTime<Utc>>,
    /// The day its merger or dissolution took it out.
    pub left_on: Option<NaiveDate>,
}

impl Member {
    /// Whether it is still in it.
    pub fn stays(&self) -> bool {
        self.left_on.is_none()
    }
}

/// What the members of a pairing did together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingActivity {
    /// Its key.
    pub id: PairingActivityId,
    /// The pairing.
    pub pairing_id: PairingId,
    /// The day it was held.
    pub held_on: NaiveDate,
    /// What it was about.
    pub topic: String,
    /// What came of it.
    pub outcome: Option<String>,
}

/// How many leads and how many partners are still in it.
pub fn composition(members: &[Member]) -> (usize, usize) {
    let count = |role| {
        members
            .iter()
            .filter(|member| member.stays() && member.role == role)
            .count()
    };
    (count(PairingRole::Lead), count(PairingRole::Partner))
}

/// The last day is after the first.
pub fn check_days(starts_on: NaiveDate, ends_on: Option<NaiveDate>) -> Result<(), PairingError> {
    match ends_on {
        Some(ends_on) if ends_on <= starts_on => Err(PairingError::EndsTooSoon),
        _ => Ok(()),
    }
}

/// A pairing belongs to a campaign's year: the one it starts in, or the one before or after, because a
/// campaign's pairings are also arranged shortly before it begins and after it ends.
pub fn check_year(year: i32, starts_on: NaiveDate) -> Result<(), PairingError> {
    if starts_on.year().abs_diff(year) <= 1 {
        Ok(())
    } else {
        Err(PairingError::Year(starts_on.year()))
    }
}

/// An activity is held while the pairing runs, and not in the future.
pub fn check_held_on(pairing: &Pairing, held_on: NaiveDate, today: NaiveDate) -> Result<(), PairingError> {
    let until = pairing.ends_on.map_or(today, |end| end.min(today));
    if pairing.starts_on <= held_on && held_on <= until {
        Ok(())
    } else {
        Err(PairingError::HeldOutside {
            from: pairing.starts_on,
            until,
        })
    }
}
