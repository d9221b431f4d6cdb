//! The district's rows as they are built; `store.rs` turns them into those of the tables.
#![allow(
    missing_docs,
    reason = "a field is the column of its name, documented where that is made, in `migration`"
)]

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    branch::{BranchForm, BranchStatus, Domain},
    brand::{BrandState, StoryForm},
    gold,
    health_check::{CheckOutcome, CheckStage, ItemVerdict, VisitKind, computed::Computed},
    kernel::id::{
        BranchId, BrandId, ExaminerId, HeadcountId, HealthCheckId, OrganizationId, PairingActivityId,
        PairingId, SiteId, TrainingRecordId,
    },
    organization::{OrganizationKind, model::HeadcountKind},
    pairing::{PairingBasis, PairingForm, PairingRole, PairingState},
    rectification::{self, Rectification},
    training::{Participant, SiteKind, TrainingAudience, TrainingKind},
};

#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub code: String,
    pub name: String,
    pub kind: OrganizationKind,
    pub parent_id: Option<OrganizationId>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationMoveRow {
    pub id: i64,
    pub organization_id: OrganizationId,
    pub from_parent_id: OrganizationId,
    pub to_parent_id: OrganizationId,
    pub effective_on: NaiveDate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HeadcountRow {
    pub id: HeadcountId,
    pub organization_id: OrganizationId,
    pub kind: HeadcountKind,
    pub count: i32,
    pub as_of: NaiveDate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BranchRow {
    pub id: BranchId,
    pub code: String,
    pub name: String,
    pub search_text: String,
    pub domain: Domain,
    pub form: BranchForm,
    pub status: BranchStatus,
    /// Directly above.
    pub organization_id: OrganizationId,
    /// The committee above, itself or over a general branch.
    pub committee_id: OrganizationId,
    pub founded_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub successor_id: Option<BranchId>,
    pub member_count: i32,
    pub contact_phone: String,
    pub term_ends_on: Option<NaiveDate>,
    pub updated_at: DateTime<Utc>,
}

impl BranchRow {
    /// Takes part in everything: active and not temporary.
    pub fn is_regular(&self) -> bool {
        self.status == BranchStatus::Active && self.form != BranchForm::Temporary
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TermRow {
    pub id: i64,
    pub branch_id: BranchId,
    pub elected_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub extended_to: Option<NaiveDate>,
    pub on_time: Option<bool>,
    pub election_document: String,
    pub extension_document: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AliasRow {
    pub id: i64,
    pub branch_id: BranchId,
    pub code: String,
    /// Empty: for everybody.
    pub source_code: &'static str,
    pub since: NaiveDate,
    pub until: Option<NaiveDate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BranchMoveRow {
    pub id: i64,
    pub branch_id: BranchId,
    pub from_organization_id: OrganizationId,
    pub to_organization_id: OrganizationId,
    pub effective_on: NaiveDate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GoldTitleRow {
    pub id: i64,
    pub branch_id: BranchId,
    pub awarded_on: NaiveDate,
    pub revoked_on: Option<NaiveDate>,
}

impl GoldTitleRow {
    /// Whether the branch bore it on a day.
    pub fn stood_on(&self, day: NaiveDate) -> bool {
        self.awarded_on <= day && self.revoked_on.is_none_or(|revoked| day < revoked)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrandRow {
    pub id: BrandId,
    pub branch_id: BranchId,
    pub name: String,
    pub search_text: String,
    pub slogan: Option<String>,
    pub description: String,
    pub results: Option<String>,
    pub state: BrandState,
    pub return_reason: Option<String>,
    pub published_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    pub themes: Vec<&'static str>,
    pub stories: Vec<StoryRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StoryRow {
    pub form: StoryForm,
    pub title: String,
    pub summary: Option<String>,
    pub held_on: Option<NaiveDate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SiteRow {
    pub id: SiteId,
    pub name: String,
    pub kind: SiteKind,
    pub organization_id: OrganizationId,
    pub upgraded_on: Option<NaiveDate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRow {
    pub id: TrainingRecordId,
    pub topic: String,
    pub kind: TrainingKind,
    pub audience: TrainingAudience,
    pub held_on: NaiveDate,
    /// Credit hours in quarters.
    pub quarter_hours: i32,
    pub organizer_id: OrganizationId,
    pub site_id: Option<SiteId>,
    pub branches: Vec<BranchId>,
    /// In the order of their hashes.
    pub participants: Vec<Participant>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PairingRow {
    pub id: PairingId,
    pub form: PairingForm,
    pub basis: PairingBasis,
    pub title: String,
    pub goal: Option<String>,
    pub year: i32,
    pub state: PairingState,
    pub starts_on: NaiveDate,
    pub ends_on: Option<NaiveDate>,
    pub proposed_by_id: BranchId,
    pub approved_at: Option<DateTime<Utc>>,
    pub end_reason: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub members: Vec<MemberRow>,
    pub activities: Vec<ActivityRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberRow {
    pub branch_id: BranchId,
    pub role: PairingRole,
    pub accepted_at: Option<DateTime<Utc>>,
    pub left_on: Option<NaiveDate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRow {
    pub id: PairingActivityId,
    pub held_on: NaiveDate,
    pub topic: String,
    pub outcome: Option<String>,
    pub branches: Vec<BranchId>,
}

/// A subject that has been assigned to checks.
#[derive(Clone, Debug, PartialEq)]
pub struct ExaminerRow {
    pub id: ExaminerId,
    pub subject: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CheckRow {
    pub id: HealthCheckId,
    pub branch_id: BranchId,
    pub stage: CheckStage,
    pub outcome: CheckOutcome,
    /// In hundredths.
    pub regular_score: Option<i32>,
    pub tailored_score: i32,
    pub evaluation: String,
    pub version: i32,
    pub updated_at: DateTime<Utc>,
    /// The day its self-check was handed in.
    pub submitted_on: NaiveDate,
    /// The day its consultation was concluded.
    pub concluded_on: NaiveDate,
    pub examiners: Vec<ExaminerId>,
    pub results: Vec<ResultRow>,
    pub visits: Vec<VisitRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The item's place in the template.
    pub position: i32,
    pub item_code: String,
    pub self_verdict: ItemVerdict,
    pub verdict: ItemVerdict,
    pub score: Option<i32>,
    pub overruled: bool,
    pub computed: Option<Computed>,
    pub evidence: Vec<&'static str>,
    pub note: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VisitRow {
    pub kind: VisitKind,
    pub visited_on: NaiveDate,
    pub summary: &'static str,
    pub recorded_by: String,
}

/// What was to be put right, with its steps; the slice's own types.
#[derive(Clone, Debug, PartialEq)]
pub struct RectificationRow {
    pub row: Rectification,
    pub steps: Vec<rectification::model::StepTaken>,
}

/// An application for gold, with its steps; the slice's own types.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationRow {
    pub row: gold::model::Application,
    pub steps: Vec<gold::model::StepTaken>,
}
