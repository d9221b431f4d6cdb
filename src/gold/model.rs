//! What an application for gold is, the states it goes through, what a veto is, and the rules of all of it.

mod eligibility;
mod error;
mod quota;
#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, Utc};

pub use eligibility::{BrandStanding, CheckStanding, Criterion, Eligibility, PointsStanding, places};
pub use error::GoldError;
pub use quota::{QuotaFault, check_quota};

use crate::kernel::{
    id::{BranchId, CampaignId, GoldApplicationId, VetoId},
    names::stored_names,
};

/// How many characters a document's number has at most.
pub const DOCUMENT_LIMIT: usize = 100;

stored_names! {
    /// The contract's `GoldState`.
    GoldState {
        /// 已申报
        Applied => "APPLIED",
        /// 已推荐
        Recommended => "RECOMMENDED",
        /// 未推荐
        NotRecommended => "NOT_RECOMMENDED",
        /// 已审定表彰
        Awarded => "AWARDED",
        /// 未通过审定
        Declined => "DECLINED",
        /// 撤回
        Withdrawn => "WITHDRAWN",
        /// 一票否决
        Vetoed => "VETOED",
        /// 撤销称号
        Revoked => "REVOKED",
    }
}

stored_names! {
    /// The contract's `VetoKind`.
    VetoKind {
        /// 党员违规违纪
        MemberDiscipline => "MEMBER_DISCIPLINE",
        /// 重大责任事故
        MajorAccident => "MAJOR_ACCIDENT",
        /// 其他负向情形
        Other => "OTHER",
    }
}

/// A step of an application's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The committee recommends it.
    Recommend,
    /// The committee does not.
    NotRecommend,
    /// The district awards the title.
    Award,
    /// The district does not.
    Decline,
    /// The branch takes it back.
    Withdraw,
    /// The district takes the title away.
    Revoke,
    /// A veto is recorded; nobody asks for this step by itself.
    Veto,
    /// The branch ends; nobody asks for this step by itself.
    EndOfBranch,
}

/// Every step there is: from where, by what, to where. The way out of VETOED is [`Application::after_veto`].
pub const STEPS: [(GoldState, Step, GoldState); 12] = [
    (GoldState::Applied, Step::Recommend, GoldState::Recommended),
    (GoldState::Applied, Step::NotRecommend, GoldState::NotRecommended),
    (GoldState::Applied, Step::Withdraw, GoldState::Withdrawn),
    (GoldState::Applied, Step::Veto, GoldState::Vetoed),
    (GoldState::Applied, Step::EndOfBranch, GoldState::Withdrawn),
    (GoldState::Recommended, Step::Award, GoldState::Awarded),
    (GoldState::Recommended, Step::Decline, GoldState::Declined),
    (GoldState::Recommended, Step::Withdraw, GoldState::Withdrawn),
    (GoldState::Recommended, Step::Veto, GoldState::Vetoed),
    (GoldState::Recommended, Step::EndOfBranch, GoldState::Withdrawn),
    (GoldState::Vetoed, Step::EndOfBranch, GoldState::Withdrawn),
    (GoldState::Awarded, Step::Revoke, GoldState::Revoked),
];

impl Step {
    /// Every step.
    pub const ALL: [Step; 8] = [
        Step::Recommend,
        Step::NotRecommend,
        Step::Award,
        Step::Decline,
        Step::Withdraw,
        Step::Revoke,
        Step::Veto,
        Step::EndOfBranch,
    ];

    /// Where it leads.
    pub fn target(self) -> GoldState {
        match self {
            Step::Recommend => GoldState::Recommended,
            Step::NotRecommend => GoldState::NotRecommended,
            Step::Award => GoldState::Awarded,
            Step::Decline => GoldState::Declined,
            Step::Withdraw | Step::EndOfBranch => GoldState::Withdrawn,
            Step::Revoke => GoldState::Revoked,
            Step::Veto => GoldState::Vetoed,
        }
    }

    /// Whether it brings the branch nearer to the title: only who meets every criterion takes it.
    pub fn is_favourable(self) -> bool {
        matches!(self, Step::Recommend | Step::Award)
    }

    fn can_be_asked_for(self) -> bool {
        !matches!(self, Step::Veto | Step::EndOfBranch)
    }
}

impl GoldState {
    /// The state after a step, or INVALID_TRANSITION with the steps that a caller can ask for from here; VETO_OPEN where
    /// it is a veto that stands in the way of a favourable one.
    pub fn after(self, step: Step) -> Result<GoldState, GoldError> {
        let found = STEPS.iter().find(|(from, by, _)| *from == self && *by == step);
        match found {
            Some((_, _, to)) => Ok(*to),
            None if self == GoldState::Vetoed && step.is_favourable() => Err(GoldError::Vetoed),
            None => Err(GoldError::NoSuchStep {
                from: self,
                to: step.target(),
            }),
        }
    }

    /// Where a caller can take it from here.
    pub fn allowed(self) -> Vec<&'static str> {
        STEPS
            .iter()
            .filter(|(from, by, _)| *from == self && by.can_be_asked_for())
            .map(|(_, _, to)| to.as_str())
            .collect()
    }

    /// Whether it still may come to a title, now or when a veto is lifted: what the end of the branch takes back.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            GoldState::Applied | GoldState::Recommended | GoldState::Vetoed
        )
    }
}

/// An application as it stands; its steps are read when they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its key.
    pub id: GoldApplicationId,
    /// The campaign it was made in.
    pub campaign_id: CampaignId,
    /// Who applied.
    pub branch_id: BranchId,
    /// Where it stands.
    pub state: GoldState,
    /// The state that an open veto took it out of.
    pub before_veto: Option<GoldState>,
    /// What the branch says for itself.
    pub statement: String,
    /// How the branch stood against the criteria at the last step.
    pub eligibility: Eligibility,
    /// The day of the award, which a revocation leaves as it is.
    pub awarded_on: Option<NaiveDate>,
    /// Grows with every step.
    pub version: i32,
}

impl Application {
    /// Where the lifting of the last open veto takes it; None where no veto holds it.
    pub fn after_veto(&self) -> Option<GoldState> {
        match self.state {
            GoldState::Vetoed => self.before_veto,
            _ => None,
        }
    }
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTaken {
    /// Whose it is.
    pub application_id: GoldApplicationId,
    /// The state it led to.
    pub state: GoldState,
    /// When, by the business clock.
    pub at: DateTime<Utc>,
    /// The subject that took it.
    pub by: String,
    /// Why, in words.
    pub opinion: Option<String>,
}

/// Who applied and who recommended, of an application's steps in their order. A state may stand there again when a veto was
/// lifted: the first of each was the decision.
pub fn who_decided(steps: &[StepTaken]) -> impl Iterator<Item = &str> {
    let applied = steps.iter().find(|step| step.state == GoldState::Applied);
    let recommended = steps
        .iter()
        .find(|step| matches!(step.state, GoldState::Recommended | GoldState::NotRecommended));
    [applied, recommended]
        .into_iter()
        .flatten()
        .map(|step| step.by.as_str())
}

/// A serious negative fact (一票否决). What happened stands in the document; here is only that there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veto {
    /// Its key.
    pub id: VetoId,
    /// Whom it is about.
    pub branch_id: BranchId,
    /// What kind of fact.
    pub kind: VetoKind,
    /// The day of the fact.
    pub occurred_on: NaiveDate,
    /// The number of the document that says what happened.
    pub document_number: String,
    /// The day it was lifted; none while it is open.
    pub lifted_on: Option<NaiveDate>,
}
