//! Why a mutation was refused: what becomes `userErrors`.

use serde::{Deserialize, Serialize};

use super::message::Message;

/// The contract's `UserErrorCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    /// A value that cannot be taken as it is.
    InvalidInput,
    /// Nothing of that kind, or nothing the caller may see.
    NotFound,
    /// Another thing holds the code or place already.
    AlreadyExists,
    /// Somebody wrote a later version.
    VersionConflict,
    /// The state machine has no such step from here.
    InvalidTransition,
    /// A rule of the domain forbids it.
    RuleViolation,
    /// A quota is used up.
    QuotaExceeded,
    /// A veto stands.
    VetoOpen,
}

/// One reason, with the path into `input` it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of reason.
    pub code: RefusalCode,
    /// The rule in words.
    pub message: Message,
    /// Path into `input`, such as `["stories", "0", "title"]`.
    pub path: Vec<String>,
}

impl Refusal {
    /// A reason about a field of the input.
    pub fn new(code: RefusalCode, path: &[&str], message: Message) -> Self {
        Self {
            code,
            message,
            path: path.iter().map(|&p| p.to_owned()).collect(),
        }
    }

    /// INVALID_INPUT.
    pub fn invalid(path: &[&str], message: Message) -> Self {
        Self::new(RefusalCode::InvalidInput, path, message)
    }

    /// RULE_VIOLATION, with the rule in words.
    pub fn rule(path: &[&str], message: Message) -> Self {
        Self::new(RefusalCode::RuleViolation, path, message)
    }

    /// NOT_FOUND.
    pub fn not_found(path: &[&str], what: Message) -> Self {
        let message = Message::new(format!("找不到{}", what.zh), format!("No such {}", what.en));
        Self::new(RefusalCode::NotFound, path, message)
    }

    /// VERSION_CONFLICT: the caller read `given`, the row stands at `current`.
    pub fn version(given: i32, current: i32) -> Self {
        let message = Message::new(
            format!("该记录已被他人修改：您读取的是第{given}版，现为第{current}版，请刷新后重试"),
            format!(
                "Somebody changed this since: you read version {given}, it is now {current}; read it again"
            ),
        );
        Self::new(RefusalCode::VersionConflict, &["version"], message)
    }

    /// INVALID_TRANSITION: names where it stands, where it was to go, and what is allowed from here.
    pub fn transition(from: &str, to: &str, allowed: &[&str]) -> Self {
        let (zh, en) = if allowed.is_empty() {
            ("无".to_owned(), "none".to_owned())
        } else {
            (allowed.join("、"), allowed.join(", "))
        };
        let message = Message::new(
            format!("不能从 {from} 变为 {to}；当前允许：{zh}"),
            format!("Cannot go from {from} to {to}; allowed from here: {en}"),
        );
        Self::new(RefusalCode::InvalidTransition, &["id"], message)
    }
}
