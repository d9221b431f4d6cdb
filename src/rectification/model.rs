//! The states of a rectification, its steps, and the rules of both (docs/domain.md, 15).

mod error;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Days, NaiveDate, Utc};

pub use error::RectificationError;

use crate::kernel::{id::RectificationId, message::Message, names::stored_names};

stored_names! {
    /// Who found it.
    RectificationOrigin {
        /// 自检: the branch itself, in its health check.
        SelfCheck => "SELF_CHECK",
        /// 会诊: the examiners of its health check.
        Consultation => "CONSULTATION",
        /// 平台巡查: an inspection, outside of any check.
        Inspection => "INSPECTION",
        /// 系统预警: the daily job.
        Computed => "COMPUTED",
    }
}

stored_names! {
    /// How grave it is.
    Severity {
        /// 一般
        Minor => "MINOR",
        /// 严重: a check does not pass while one is open.
        Major => "MAJOR",
    }
}

stored_names! {
    /// Where a rectification stands.
    RectificationState {
        /// 待交办
        Open => "OPEN",
        /// 整改中
        Assigned => "ASSIGNED",
        /// 待验收
        Submitted => "SUBMITTED",
        /// 已销号
        Closed => "CLOSED",
        /// 已免除
        Waived => "WAIVED",
    }
}

stored_names! {
    /// 帮扶方式: how a branch is helped to put it right.
    SupportMeans {
        /// 结对共建
        Pairing => "PAIRING",
        /// 领导定点挂钩联系
        LeaderLiaison => "LEADER_LIAISON",
        /// 干部驻点帮扶
        StationedOfficial => "STATIONED_OFFICIAL",
        /// 精准双报到
        DualRegistration => "DUAL_REGISTRATION",
        /// 组建工作专班
        TaskForce => "TASK_FORCE",
    }
}

/// What can be done with a rectification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// 交办: prescribed for and given a day.
    Assign,
    /// 提交: the branch says that it is put right.
    Submit,
    /// 销号
    Close,
    /// 退回: not good enough yet.
    Return,
    /// 复查: still good; the next review is set.
    Review,
    /// 重新打开: not good any more.
    Reopen,
    /// 免除: by the district.
    Waive,
}

/// The state machine: from, step, to. What is not here cannot be done.
pub const STEPS: &[(RectificationState, Step, RectificationState)] = &[
    (
        RectificationState::Open,
        Step::Assign,
        RectificationState::Assigned,
    ),
    (RectificationState::Open, Step::Waive, RectificationState::Waived),
    (
        RectificationState::Assigned,
        Step::Submit,
        RectificationState::Submitted,
    ),
    (
        RectificationState::Assigned,
        Step::Waive,
        RectificationState::Waived,
    ),
    (
        RectificationState::Submitted,
        Step::Close,
        RectificationState::Closed,
    ),
    (
        RectificationState::Submitted,
        Step::Return,
        RectificationState::Assigned,
    ),
    (
        RectificationState::Submitted,
        Step::Waive,
        RectificationState::Waived,
    ),
    (
        RectificationState::Closed,
        Step::Review,
        RectificationState::Closed,
    ),
    (
        RectificationState::Closed,
        Step::Reopen,
        RectificationState::Assigned,
    ),
];

impl Step {
    /// Every step.
    pub const ALL: [Step; 7] = [
        Step::Assign,
        Step::Submit,
        Step::Close,
        Step::Return,
        Step::Review,
        Step::Reopen,
        Step::Waive,
    ];

    /// Where the step leads, wherever it begins.
    pub fn target(self) -> RectificationState {
        match self {
            Step::Assign | Step::Return | Step::Reopen => RectificationState::Assigned,
            Step::Submit => RectificationState::Submitted,
            Step::Close | Step::Review => RectificationState::Closed,
            Step::Waive => RectificationState::Waived,
        }
    }

    /// Its name in words.
    pub fn words(self) -> Message {
        match self {
            Step::Assign => Message::new("交办", "assign"),
            Step::Submit => Message::new("提交", "submit"),
            Step::Close => Message::new("销号", "close"),
            Step::Return => Message::new("退回", "return"),
            Step::Review => Message::new("复查", "review"),
            Step::Reopen => Message::new("重新打开", "reopen"),
            Step::Waive => Message::new("免除", "waive"),
        }
    }
}

impl RectificationState {
    /// The states of what is still to be put right.
    pub const OPEN: [RectificationState; 3] = [
        RectificationState::Open,
        RectificationState::Assigned,
        RectificationState::Submitted,
    ];

    /// Whether it is still to be put right.
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }

    /// The state after a step.
    pub fn after(self, step: Step) -> Result<RectificationState, RectificationError> {
        STEPS
            .iter()
            .find(|(from, by, _)| *from == self && *by == step)
            .map(|(_, _, to)| *to)
            .ok_or(RectificationError::NoSuchStep { from: self, step })
    }

    /// The steps that can be taken from here.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        STEPS
            .iter()
            .filter(move |(from, ..)| *from == self)
            .map(|(_, step, _)| *step)
    }

    /// Where it can be taken from here, each state once.
    pub fn allowed(self) -> Vec<&'static str> {
        let mut allowed = Vec::new();
        for (from, step, to) in STEPS {
            // A review leaves it where it is.
            if *from == self && *step != Step::Review && !allowed.contains(&to.as_str()) {
                allowed.push(to.as_str());
            }
        }
        allowed
    }
}

/// A day that something is to be done by is not over already.
pub fn check_due(due_on: NaiveDate, today: NaiveDate) -> Result<(), RectificationError> {
    if due_on < today {
        Err(RectificationError::DueInThePast(today))
    } else {
        Ok(())
    }
}

/// The next review: the day given, which is after today, or so many days on.
pub fn next_review(
    given: Option<NaiveDate>,
    today: NaiveDate,
    review_days: u32,
) -> Result<NaiveDate, RectificationError> {
    match given {
        Some(day) if day <= today => Err(RectificationError::ReviewTooSoon(today)),
        Some(day) => Ok(day),
        None => Ok(days_on(today, review_days)),
    }
}

/// So many days after a day.
pub fn days_on(day: NaiveDate, days: u32) -> NaiveDate {
    // Where the calendar ends there is no later day.
    day.checked_add_days(Days::new(days.into()))
        .unwrap_or(NaiveDate::MAX)
}

/// The item of a term that is over (docs/domain.md, 14).
pub const TERM_ITEM: &str = "R-ORG-05";

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTaken {
    /// Of what.
    pub rectification_id: RectificationId,
    /// The state it led to.
    pub state: RectificationState,
    /// When, by the business clock.
    pub at: DateTime<Utc>,
    /// By whom: the token's opaque subject, or the service.
    pub by: String,
    /// What was said.
    pub note: Option<String>,
}

/// What of a check is still to be put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// The item, if it is about one.
    pub item_code: Option<String>,
    /// How grave it is.
    pub severity: Severity,
}
