//! Rules of the gold selection that a mutation can run against.

use chrono::NaiveDate;

use super::{Criterion, GoldState};
use crate::kernel::{
    message::Message,
    refusal::{Refusal, RefusalCode},
};

/// Why a step of the gold selection is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoldError {
    /// The state machine has no such step.
    #[error("no step from {from:?} to {to:?}")]
    NoSuchStep {
        /// Where it stands.
        from: GoldState,
        /// Where it was to go.
        to: GoldState,
    },
    /// A favourable step of what a veto holds.
    #[error("a veto holds the application")]
    Vetoed,
    /// A criterion is not met.
    #[error("a criterion is not met")]
    NotMet(Criterion),
    /// The branch was merged or dissolved.
    #[error("the branch has ended")]
    BranchEnded(&'static str),
    /// 临时党支部
    #[error("a temporary branch")]
    Temporary,
    /// It holds a title already.
    #[error("the branch is gold")]
    AlreadyGold(&'static str),
    /// There is no campaign of the year.
    #[error("no campaign of {0}")]
    NoCampaign(i32),
    /// The campaign of the year chooses no gold branches.
    #[error("no gold plan of {0}")]
    NoPlan(i32),
    /// It applied already.
    #[error("applied already in {0}")]
    AppliedAlready(i32),
    /// Who applied, recommended or decides is one person.
    #[error("one person decides twice")]
    SamePerson,
    /// Every place is taken.
    #[error("the quota of {0} is used up")]
    QuotaFull(i32),
    /// The places left are kept for domains under their minimum.
    #[error("the {left} places left are kept")]
    QuotaKept {
        /// How many are left.
        left: i64,
        /// The domains' names, and how many each lacks.
        lacking: Vec<(Message, i64)>,
    },
    /// A fact that lies ahead.
    #[error("after {0}")]
    InTheFuture(NaiveDate),
    /// It was lifted before.
    #[error("lifted on {0}")]
    LiftedAlready(NaiveDate),
}

impl From<GoldError> for Refusal {
    fn from(error: GoldError) -> Self {
        match error {
            GoldError::NoSuchStep { from, to } => {
                Refusal::transition(from.as_str(), to.as_str(), &from.allowed())
            }
            GoldError::Vetoed => Refusal::new(
                RefusalCode::VetoOpen,
                &["id"],
                Message::new(
                    "申报因一票否决中止（VETOED）；否决解除后恢复原状态，方可继续",
                    "A veto holds the application (VETOED); when it is lifted the application returns to the state it had",
                ),
            ),
            GoldError::NotMet(criterion) => not_met(criterion),
            GoldError::BranchEnded(field) => Refusal::rule(
                &[field],
                Message::new(
                    "党支部已合并或撤销，不能再办理金牌评比事项",
                    "The branch was merged or dissolved; nothing of the gold selection is done with it any more",
                ),
            ),
            GoldError::Temporary => Refusal::rule(
                &["branchId"],
                Message::new(
                    "临时党支部不参加金牌评比",
                    "Temporary branches take no part in the gold selection",
                ),
            ),
            GoldError::AlreadyGold(field) => Refusal::rule(
                &[field],
                Message::new("该党支部已是金牌支部", "The branch holds a gold title already"),
            ),
            GoldError::NoCampaign(year) => Refusal::rule(
                &["year"],
                Message::new(
                    format!("{year} 年没有开展主题活动"),
                    format!("There is no campaign of {year}"),
                ),
            ),
            GoldError::NoPlan(year) => Refusal::rule(
                &["year"],
                Message::new(
                    format!("{year} 年不评选金牌支部"),
                    format!("The campaign of {year} chooses no gold branches"),
                ),
            ),
            GoldError::AppliedAlready(year) => Refusal::new(
                RefusalCode::AlreadyExists,
                &["branchId"],
                Message::new(
                    format!("该党支部 {year} 年已申报，每年限报一次"),
                    format!("The branch has applied in {year}; once a year is all there is"),
                ),
            ),
            GoldError::SamePerson => Refusal::rule(
                &["id"],
                Message::new(
                    "申报、推荐、审定须由三个不同的人办理，您已办理过其中一步",
                    "Who applies, who recommends and who decides are three different persons; you took one of these steps",
                ),
            ),
            GoldError::QuotaFull(quota) => Refusal::new(
                RefusalCode::QuotaExceeded,
                &["id"],
                Message::new(
                    format!("金牌名额 {quota} 个已用完"),
                    format!("All {quota} gold titles are awarded"),
                ),
            ),
            GoldError::QuotaKept { left, lacking } => kept(left, &lacking),
            GoldError::InTheFuture(today) => Refusal::rule(
                &["occurredOn"],
                Message::new(
                    format!("日期不得晚于今日（{today}）"),
                    format!("The day is after today ({today})"),
                ),
            ),
            GoldError::LiftedAlready(day) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("该否决已于 {day} 解除"),
                    format!("The veto was lifted on {day}"),
                ),
            ),
        }
    }
}

fn not_met(criterion: Criterion) -> Refusal {
    let Criterion {
        is_veto, sentence, ..
    } = criterion;
    let code = if is_veto {
        RefusalCode::VetoOpen
    } else {
        RefusalCode::RuleViolation
    };
    let message = Message::new(
        format!("不符合金牌条件——{}", sentence.zh),
        format!("Not eligible for gold. {}", sentence.en),
    );
    Refusal::new(code, &[], message)
}

fn kept(left: i64, lacking: &[(Message, i64)]) -> Refusal {
    let zh: Vec<String> = lacking
        .iter()
        .map(|(domain, lacks)| format!("{}（差 {lacks} 个）", domain.zh))
        .collect();
    let en: Vec<String> = lacking
        .iter()
        .map(|(domain, lacks)| format!("{} ({lacks})", domain.en))
        .collect();
    Refusal::new(
        RefusalCode::QuotaExceeded,
        &["id"],
        Message::new(
            format!("剩余 {left} 个名额留给尚未达到最低数的领域：{}", zh.join("、")),
            format!(
                "The {left} titles left are kept for fields under their minimum: {}",
                en.join(", ")
            ),
        ),
    )
}
