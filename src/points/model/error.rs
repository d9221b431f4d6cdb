//! What the rules of points refuse, in words.

use chrono::NaiveDate;

use crate::kernel::{message::Message, refusal::Refusal};

/// Rules of points that a mutation can run against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// More entries than one call takes.
    #[error("too many entries")]
    TooManyEntries {
        /// How many were given.
        given: usize,
        /// How many it takes.
        limit: usize,
    },
    /// More totals than one call takes.
    #[error("too many totals")]
    TooManyTotals {
        /// How many were given.
        given: usize,
        /// How many it takes.
        limit: usize,
    },
    /// No point source has that code.
    #[error("no such source")]
    NoSource,
    /// Nobody pushes for the service itself.
    #[error("the built-in source")]
    OwnSource,
    /// An adjustment of nothing.
    #[error("no points")]
    NoPoints,
    /// An instant that has not come.
    #[error("in the future")]
    InTheFuture(NaiveDate),
    /// The branch was not there yet.
    #[error("before the founding")]
    BeforeFounding(&'static str, NaiveDate),
    /// It does not wait any more.
    #[error("decided")]
    Decided {
        /// What it is.
        state: &'static str,
        /// What it was to be.
        to: &'static str,
    },
    /// A conflicting repeat: its key is taken for good.
    #[error("conflicting")]
    OnlyDiscarded,
    /// The entry still cannot be booked, and why.
    #[error("still waiting")]
    StillWaits(&'static str, String),
    /// An unknown code needs a branch.
    #[error("a branch is needed")]
    BranchNeeded(String),
    /// Whose it is does not depend on a branch's code.
    #[error("no branch is taken")]
    NoBranchTaken(&'static str),
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        let invalid = Refusal::invalid;
        match error {
            LedgerError::TooManyEntries { given, limit } => invalid(
                &["entries"],
                Message::new(
                    format!(
                        "一次最多 {limit} 条积分，给出了 {given} 条；更多请用 POST /platform/来源代码/points"
                    ),
                    format!(
                        "At most {limit} entries at once, {given} were given; \
                         more go to POST /platform/SOURCE/points"
                    ),
                ),
            ),
            LedgerError::TooManyTotals { given, limit } => invalid(
                &["totals"],
                Message::new(
                    format!("一次最多对账 {limit} 个支部，给出了 {given} 个"),
                    format!("At most {limit} totals at once, {given} were given"),
                ),
            ),
            LedgerError::NoSource => {
                Refusal::not_found(&["sourceCode"], Message::new("积分来源", "point source"))
            }
            LedgerError::OwnSource => Refusal::rule(
                &["sourceCode"],
                Message::new(
                    "本级来源 LOCAL 只用于调整积分（adjustPoints），不接受推送",
                    "LOCAL is the district's own source: it takes adjustments (adjustPoints), no pushes",
                ),
            ),
            LedgerError::NoPoints => invalid(
                &["points"],
                Message::new("调整的积分不能为零", "An adjustment is of some points"),
            ),
            LedgerError::InTheFuture(today) => invalid(
                &["occurredAt"],
                Message::new(
                    format!("不能晚于当前时间（今天是 {today}）"),
                    format!("Must not be in the future (today is {today})"),
                ),
            ),
            LedgerError::BeforeFounding(field, founded) => Refusal::rule(
                &[field],
                Message::new(
                    format!("支部成立于 {founded}，此前的积分不能记给它"),
                    format!("The branch was founded on {founded}: nothing earlier can be booked for it"),
                ),
            ),
            LedgerError::Decided { state, to } => Refusal::transition(state, to, &[]),
            LedgerError::OnlyDiscarded => Refusal::rule(
                &["id"],
                Message::new(
                    "同一键已记有不同内容，此条只能丢弃（discardQuarantine）",
                    "Another content is booked under its key: it can only be discarded (discardQuarantine)",
                ),
            ),
            LedgerError::StillWaits(reason, detail) => Refusal::rule(
                &["id"],
                Message::new(
                    format!("仍不能入账：{reason}（{detail}）"),
                    format!("It still cannot be booked: {reason} ({detail})"),
                ),
            ),
            LedgerError::BranchNeeded(code) => invalid(
                &["branchId"],
                Message::new(
                    format!("代码 {code} 未对应任何支部，请指明支部"),
                    format!("No branch has the code {code}: say which one it is"),
                ),
            ),
            LedgerError::NoBranchTaken(reason) => invalid(
                &["branchId"],
                Message::new(
                    format!("{reason} 的条目不需指明支部，按原样重试"),
                    format!("An entry that waits for {reason} is tried again as it is, without a branch"),
                ),
            ),
        }
    }
}
