//! Who may do what: the table of docs/domain.md, 10.

use super::requester::Role;

/// Something that can be done; one a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the mutation of its name")]
pub enum Act {
    CreateOrganization,
    UpdateOrganization,
    CreateBranch,
    UpdateBranch,
    RecordElection,
    ExtendTerm,
    MergeBranch,
    DissolveBranch,
    AddBranchAlias,
    EndBranchAlias,
    SaveSite,
    SaveBrand,
    SubmitBrand,
    PublishBrand,
    ReturnBrand,
    ProposePairing,
    AcceptPairing,
    ApprovePairing,
    RejectPairing,
    RecordPairingActivity,
    CompletePairing,
    TerminatePairing,
    RecordTraining,
    CorrectTraining,
    RemoveTraining,
    ReportHeadcount,
    RaiseRectification,
    AssignRectification,
    SubmitRectification,
    CloseRectification,
    ReviewRectification,
    ReturnRectification,
    ReopenRectification,
    WaiveRectification,
    PushPoints,
    ReconcilePoints,
    AdjustPoints,
    ResolveQuarantine,
    DiscardQuarantine,
    PullPoints,
    PauseSource,
    OpenCampaign,
    UpdateGoldPlan,
    AnswerCheckItems,
    SubmitSelfCheck,
    AssignExaminers,
    RecordVisit,
    ConcludeConsultation,
    CloseHealthCheck,
    ApplyForGold,
    WithdrawGold,
    RecommendGold,
    DecideGold,
    RevokeGold,
    RecordVeto,
    LiftVeto,
}

impl Act {
    /// The roles that may, each over its own extent: the district, a subtree, one branch.
    pub fn roles(self) -> &'static [Role] {
        const DISTRICT: &[Role] = &[Role::DistrictAdmin];
        const COMMITTEE: &[Role] = &[Role::DistrictAdmin, Role::CommitteeOfficer];
        const SOURCE: &[Role] = &[Role::DistrictAdmin, Role::Adapter];
        const BRANCH: &[Role] = &[Role::BranchOfficer];
        const EXAMINER: &[Role] = &[Role::Examiner];
        const BRANCH_OR_EXAMINER: &[Role] = &[Role::BranchOfficer, Role::Examiner];
        const COMMITTEE_OR_EXAMINER: &[Role] = &[Role::DistrictAdmin, Role::CommitteeOfficer, Role::Examiner];
        const COMMITTEE_OR_BRANCH: &[Role] =
            &[Role::DistrictAdmin, Role::CommitteeOfficer, Role::BranchOfficer];
        match self {
            Act::CreateOrganization
            | Act::UpdateOrganization
            | Act::MergeBranch
            | Act::DissolveBranch
            | Act::AdjustPoints
            | Act::ResolveQuarantine
            | Act::DiscardQuarantine
            | Act::PullPoints
            | Act::PauseSource
            | Act::OpenCampaign
            | Act::UpdateGoldPlan
            | Act::WaiveRectification
            | Act::DecideGold
            | Act::RevokeGold
            | Act::RecordVeto
            | Act::LiftVeto => DISTRICT,
            Act::PushPoints | Act::ReconcilePoints => SOURCE,
            Act::CreateBranch
            | Act::RecordElection
            | Act::ExtendTerm
            | Act::AddBranchAlias
            | Act::EndBranchAlias
            | Act::SaveSite
            | Act::PublishBrand
            | Act::ReturnBrand
            | Act::ApprovePairing
            | Act::CompletePairing
            | Act::TerminatePairing
            | Act::RecordTraining
            | Act::CorrectTraining
            | Act::RemoveTraining
            | Act::AssignRectification
            | Act::ReopenRectification
            | Act::AssignExaminers
            | Act::CloseHealthCheck
            | Act::RecommendGold
            | Act::ReportHeadcount => COMMITTEE,
            // Only a branch speaks for itself: it writes its brand, accepts a pairing, tells what was done in it, says that a
            // problem is put right, applies.
            Act::SaveBrand
            | Act::SubmitBrand
            | Act::AcceptPairing
            | Act::RecordPairingActivity
            | Act::SubmitRectification
            | Act::SubmitSelfCheck
            | Act::ApplyForGold
            | Act::WithdrawGold => BRANCH,
            // Nobody visits and judges in an examiner's place.
            Act::RecordVisit | Act::ConcludeConsultation => EXAMINER,
            Act::AnswerCheckItems => BRANCH_OR_EXAMINER,
            Act::RaiseRectification
            | Act::CloseRectification
            | Act::ReviewRectification
            | Act::ReturnRectification => COMMITTEE_OR_EXAMINER,
            Act::UpdateBranch | Act::ProposePairing | Act::RejectPairing => COMMITTEE_OR_BRANCH,
        }
    }
}
