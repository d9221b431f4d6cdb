//! What the rules of pulling refuse, in words.

use chrono::{DateTime, Utc};

use super::SourceState;
use crate::kernel::{
    clock::day_in_shanghai,
    message::Message,
    refusal::{Refusal, RefusalCode},
};

/// Why a source is not pulled, or not paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No point source has that code.
    #[error("no such source")]
    NoSource,
    /// The configuration does not say how.
    #[error("not pulled")]
    NotPulled,
    /// Somebody paused it.
    #[error("paused")]
    Paused,
    /// It is being pulled.
    #[error("pulling")]
    Pulling,
    /// A freeze window, which ends then.
    #[error("frozen until {0}")]
    Frozen(DateTime<Utc>),
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let path = &["sourceCode"];
        let transition = |message| Self::new(RefusalCode::InvalidTransition, path, message);
        match error {
            SourceError::NoSource => Self::not_found(path, Message::new("积分来源", "point source")),
            SourceError::NotPulled => Self::rule(
                path,
                Message::new(
                    "该来源未配置拉取（sources.代码.pull），只接受推送",
                    "The configuration does not say how to pull this source (sources.CODE.pull): it is pushed into",
                ),
            ),
            SourceError::Paused => transition(Message::new(
                format!(
                    "来源处于 {}：请先恢复（pauseSource）",
                    SourceState::Paused.as_str()
                ),
                format!(
                    "The source is {}: let it go on first (pauseSource)",
                    SourceState::Paused.as_str()
                ),
            )),
            SourceError::Pulling => transition(Message::new(
                format!("来源处于 {}：正在拉取，请待其结束", SourceState::Pulling.as_str()),
                format!(
                    "The source is {}: wait until the run has ended",
                    SourceState::Pulling.as_str()
                ),
            )),
            SourceError::Frozen(until) => {
                let day = day_in_shanghai(until);
                Self::rule(
                    path,
                    Message::new(
                        format!("来源处于冻结期，{day} 起恢复"),
                        format!("The source is in a freeze window, which ends with the beginning of {day}"),
                    ),
                )
            }
        }
    }
}
