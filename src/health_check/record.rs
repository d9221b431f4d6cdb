//! Health checks as they are kept.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    computed::{Computed, source_of},
    model::{
        CheckOutcome, CheckStage, ItemVerdict, PassMarks, Scored, VisitKind, outcome, regular_score,
        tailored_score,
    },
};
use crate::{
    campaign::{CheckItem, Verification},
    kernel::{
        id::{BranchId, CampaignId, HealthCheckId},
        rules::Rules,
    },
};

/// The check of a branch in a campaign; its results, visits and examiners are read when they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Its key.
    pub id: HealthCheckId,
    /// Of which campaign.
    pub campaign_id: CampaignId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// Where it stands.
    pub stage: CheckStage,
    /// What it came to.
    pub outcome: CheckOutcome,
    /// Of 100, in hundredths; none until an item is answered, or where none is applicable.
    pub regular_score: Option<i32>,
    /// Of 20; none until an item is answered.
    pub tailored_score: Option<i32>,
    /// What the examiners say of the branch.
    pub evaluation: Option<String>,
    /// Grows with every step.
    pub version: i32,
    /// When it last changed, by the business clock.
    pub updated_at: DateTime<Utc>,
}

/// What is known of one item of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// The item as the campaign's template has it.
    pub item: CheckItem,
    /// What the branch said, or what was computed when it submitted.
    pub self_verdict: ItemVerdict,
    /// What counts.
    pub verdict: ItemVerdict,
    /// Of a tailored item what it scored.
    pub score: Option<i32>,
    /// An examiner's verdict on a computed item, which no refresh touches.
    pub overruled: bool,
    /// What was counted of a computed item.
    pub computed: Option<Computed>,
    /// What the branch and its examiners point to.
    pub evidence: Vec<String>,
    /// What was said about it last.
    pub note: Option<String>,
}

impl CheckResult {
    /// An item that nobody has answered.
    pub fn unanswered(item: CheckItem) -> Self {
        Self {
            item,
            self_verdict: ItemVerdict::Unanswered,
            verdict: ItemVerdict::Unanswered,
            score: None,
            overruled: false,
            computed: None,
            evidence: Vec::new(),
            note: None,
        }
    }

    /// Whether our records answer it. Items that a template calls COMPUTED and of which nothing is recorded here are answered
    /// like EVIDENCE.
    pub fn is_computed(&self) -> bool {
        self.item.verification == Verification::Computed && source_of(&self.item.code).is_some()
    }

    /// As far as scores go.
    pub fn scored(&self) -> Scored {
        Scored {
            weight: self.item.weight,
            tailored: self.item.domain.is_some(),
            mandatory: self.item.mandatory,
            verdict: self.verdict,
            score: self.score.unwrap_or_default(),
        }
    }
}

/// Both scores of a check's verdicts; none until an item is answered.
pub(super) fn scores(results: &[CheckResult]) -> (Option<i32>, Option<i32>) {
    let is_answered = results
        .iter()
        .any(|result| result.verdict != ItemVerdict::Unanswered);
    if !is_answered {
        return (None, None);
    }
    let scored = || results.iter().map(CheckResult::scored);
    (regular_score(scored()), Some(tailored_score(scored())))
}

/// What the verdicts come to by the deployment's marks.
pub(super) fn judge(results: &[CheckResult], rules: &Rules, has_open_major: bool) -> CheckOutcome {
    let marks = PassMarks {
        regular: i32::try_from(rules.pass_regular_score).unwrap_or(i32::MAX),
        tailored: i32::try_from(rules.pass_tailored_score).unwrap_or(i32::MAX),
    };
    outcome(results.iter().map(CheckResult::scored), marks, has_open_major)
}

/// A visit of a consultation (四个一).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Of which check.
    pub health_check_id: HealthCheckId,
    /// What was done.
    pub kind: VisitKind,
    /// When.
    pub visited_on: NaiveDate,
    /// What was seen.
    pub summary: String,
    /// Who recorded it: a token's opaque subject.
    pub recorded_by: String,
}
