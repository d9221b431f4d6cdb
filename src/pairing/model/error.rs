//! Rules of pairings that a mutation can run against, in words.

use chrono::NaiveDate;

use super::{MAX_MEMBERS, PairingBasis, PairingForm, PairingState, Step};
use crate::kernel::{
    message::Message,
    refusal::{Refusal, RefusalCode},
};

/// Rules of pairings that a mutation can run against. Branches are named by their names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// Too few or too many leads or partners for the form.
    #[error("wrong composition")]
    Composition(PairingForm),
    /// More members than a pairing takes.
    #[error("too many members")]
    TooManyMembers,
    /// A branch is named twice.
    #[error("a branch twice")]
    Twice,
    /// The members do not have in common what the basis says.
    #[error("basis does not hold")]
    Basis(PairingBasis),
    /// A member was merged or dissolved.
    #[error("ended member")]
    Ended(String),
    /// A member is a temporary branch.
    #[error("temporary member")]
    Temporary(String),
    /// A lead holds no gold title on the first day.
    #[error("lead without gold")]
    NotGold(String, NaiveDate),
    /// A member is in as many active pairings as a branch may be.
    #[error("too many active pairings")]
    TooManyPairings(String, u32),
    /// The last day is not after the first.
    #[error("ends before it starts")]
    EndsTooSoon,
    /// The year is not that of the first day, nor the one before or after.
    #[error("year far from the first day")]
    Year(i32),
    /// A branch proposes what it is itself no member of.
    #[error("proposed by a branch that is no member")]
    WithoutOwnBranch,
    /// Members outside the caller's committee.
    #[error("members span committees")]
    Spanning,
    /// The branch is no member, or left.
    #[error("no member")]
    NotMember,
    /// The branch accepted before.
    #[error("accepted already")]
    AcceptedAlready,
    /// It was approved before.
    #[error("approved already")]
    ApprovedAlready,
    /// The state allows no such step.
    #[error("no such step from here")]
    Step(PairingState, Step),
    /// An activity outside the pairing's days, or in the future.
    #[error("held outside the pairing's days")]
    HeldOutside {
        /// The first day it can be held on.
        from: NaiveDate,
        /// The last.
        until: NaiveDate,
    },
    /// An activity without a branch.
    #[error("an activity without branches")]
    NobodyTookPart,
    /// A branch records an activity that it took no part in.
    #[error("recorded by a branch that took no part")]
    OwnBranchTookNoPart,
}

impl From<PairingError> for Refusal {
    fn from(error: PairingError) -> Self {
        match error {
            PairingError::Composition(form) => {
                let (path, message) = match form {
                    PairingForm::OneToMany => (
                        "leadIds",
                        Message::new(
                            "1+N 结对须有且只有 1 个牵头支部，至少 1 个结对支部",
                            "1+N takes exactly 1 lead and at least 1 partner",
                        ),
                    ),
                    PairingForm::ManyToMany => (
                        "leadIds",
                        Message::new(
                            "N+N 结对须有至少 2 个牵头支部、至少 2 个结对支部",
                            "N+N takes at least 2 leads and at least 2 partners",
                        ),
                    ),
                };
                Refusal::rule(&[path], message)
            }
            PairingError::TooManyMembers => Refusal::invalid(
                &["partnerIds"],
                Message::new(
                    format!("一项结对最多 {MAX_MEMBERS} 个支部"),
                    format!("A pairing has at most {MAX_MEMBERS} branches"),
                ),
            ),
            PairingError::Twice => Refusal::rule(
                &["partnerIds"],
                Message::new("同一支部只能列出一次", "A branch is named once only"),
            ),
            PairingError::Basis(basis) => Refusal::rule(&["basis"], basis_message(basis)),
            PairingError::Ended(name) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("“{name}”已合并或撤销，不能参加结对"),
                    format!("“{name}” was merged or dissolved and cannot be in a pairing"),
                ),
            ),
            PairingError::Temporary(name) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("“{name}”是临时党支部，不参加结对"),
                    format!("“{name}” is a temporary branch, which is in no pairing"),
                ),
            ),
            PairingError::NotGold(name, day) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("牵头支部须在开始日期为金牌支部：“{name}”在 {day} 不是"),
                    format!("A lead is gold on the first day: “{name}” is not on {day}"),
                ),
            ),
            PairingError::TooManyPairings(name, most) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("一个支部最多同时参加 {most} 项进行中的结对：“{name}”已满"),
                    format!("A branch is in at most {most} active pairings: “{name}” is in as many"),
                ),
            ),
            PairingError::EndsTooSoon => Refusal::invalid(
                &["endsOn"],
                Message::new("结束日期须晚于开始日期", "The last day is after the first"),
            ),
            PairingError::Year(starts) => Refusal::invalid(
                &["year"],
                Message::new(
                    format!("年度须为开始日期所在年（{starts}）或其前后一年"),
                    format!("The year is that of the first day ({starts}), or the one before or after"),
                ),
            ),
            PairingError::WithoutOwnBranch => Refusal::rule(
                &["partnerIds"],
                Message::new(
                    "支部只能发起本支部参加的结对",
                    "A branch proposes only pairings that it is a member of",
                ),
            ),
            PairingError::Spanning => Refusal::rule(
                &["id"],
                Message::new(
                    "成员跨党(工)委的结对由区委组织部办理；党(工)委只办理成员全部在本辖内的结对",
                    "A pairing that spans committees is for the district; a committee acts where all members are its own",
                ),
            ),
            PairingError::NotMember => Refusal::rule(
                &["branchId"],
                Message::new(
                    "该支部不是此结对的成员",
                    "The branch is no member of this pairing",
                ),
            ),
            PairingError::AcceptedAlready => Refusal::new(
                RefusalCode::InvalidTransition,
                &["branchId"],
                Message::new("该支部已同意此结对", "The branch has accepted already"),
            ),
            PairingError::ApprovedAlready => Refusal::new(
                RefusalCode::InvalidTransition,
                &["id"],
                Message::new(
                    "此结对已批准，待全体成员同意后生效",
                    "It is approved already and becomes active when every member has accepted",
                ),
            ),
            PairingError::Step(state, step) => step_refusal(state, step),
            PairingError::HeldOutside { from, until } => Refusal::rule(
                &["heldOn"],
                Message::new(
                    format!("活动日期须在结对期间且不晚于今日（{from} 至 {until}）"),
                    format!(
                        "An activity is held while the pairing runs and not in the future ({from} to {until})"
                    ),
                ),
            ),
            PairingError::NobodyTookPart => Refusal::invalid(
                &["branchIds"],
                Message::new("至少列出一个参加支部", "At least one branch took part"),
            ),
            PairingError::OwnBranchTookNoPart => Refusal::rule(
                &["branchIds"],
                Message::new(
                    "支部只能记录本支部参加的活动",
                    "A branch records only activities that it took part in",
                ),
            ),
        }
    }
}

fn basis_message(basis: PairingBasis) -> Message {
    match basis {
        PairingBasis::SameDomain => Message::new(
            "领域区分：成员须同属一个领域",
            "SAME_DOMAIN: all members are of one domain",
        ),
        PairingBasis::SameAffiliation => Message::new(
            "隶属关系：成员须同属一个基层党(工)委",
            "SAME_AFFILIATION: all members stand under one committee",
        ),
        PairingBasis::CrossDomain => Message::new(
            "跨领域：成员须来自至少两个领域",
            "CROSS_DOMAIN: the members are of at least two domains",
        ),
    }
}

fn step_refusal(state: PairingState, step: Step) -> Refusal {
    let words: Vec<Message> = state.steps().map(Step::words).collect();
    let (zh, en) = if words.is_empty() {
        ("无".to_owned(), "none".to_owned())
    } else {
        let zh: Vec<&str> = words.iter().map(|m| m.zh.as_ref()).collect();
        let en: Vec<&str> = words.iter().map(|m| m.en.as_ref()).collect();
        (zh.join("、"), en.join(", "))
    };
    let wanted = step.words();
    Refusal::new(
        RefusalCode::InvalidTransition,
        &["id"],
        Message::new(
            format!(
                "结对{}（{}），不能{}；当前允许：{zh}",
                state.words(),
                state.as_str(),
                wanted.zh
            ),
            format!(
                "The pairing is {}: cannot {}; allowed from here: {en}",
                state.as_str(),
                wanted.en
            ),
        ),
    )
}
