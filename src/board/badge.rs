//! The badge: how a branch stands at a glance (docs/domain.md, 19).

use crate::{branch::TermState, health_check::CheckOutcome, kernel::names::stored_names};

stored_names! {
    /// The contract's `Badge`.
    Badge {
        /// 良好
        Healthy => "HEALTHY",
        /// 关注
        Attention => "ATTENTION",
        /// 处置
        Action => "ACTION",
        /// 未体检
        Unchecked => "UNCHECKED",
    }
}

/// What a badge is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// The outcome of the latest check, by the year of its campaign, that has come to one.
    pub checked: Option<CheckOutcome>,
    /// Where the branch stands in its term.
    pub term: TermState,
    /// Something is overdue.
    pub red: bool,
    /// Something is due soon.
    pub amber: bool,
    /// Something grave is still to be put right.
    pub major: bool,
}

impl Badge {
    /// The rule (**default**). Lists and the board follow it in SQL (`store/badge.rs`); a test sees that both agree.
    pub fn of(signs: Signs) -> Self {
        let failed = signs.checked == Some(CheckOutcome::Fail);
        if failed || signs.term == TermState::Overdue || signs.red {
            Badge::Action
        } else if signs.term == TermState::DueSoon || signs.amber || signs.major {
            Badge::Attention
        } else if signs.checked == Some(CheckOutcome::Pass) {
            Badge::Healthy
        } else {
            Badge::Unchecked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Signs = Signs {
        checked: Some(CheckOutcome::Pass),
        term: TermState::InTerm,
        red: false,
        amber: false,
        major: false,
    };

    #[test]
    fn the_worst_sign_decides() {
        let failed = Signs {
            checked: Some(CheckOutcome::Fail),
            ..WELL
        };
        let unchecked = Signs {
            checked: None,
            ..WELL
        };
        for (signs, badge) in [
            (WELL, Badge::Healthy),
            (unchecked, Badge::Unchecked),
            (failed, Badge::Action),
            (Signs { red: true, ..WELL }, Badge::Action),
            (Signs { amber: true, ..WELL }, Badge::Attention),
            (Signs { major: true, ..WELL }, Badge::Attention),
            (
                Signs {
                    major: true,
                    ..unchecked
                },
                Badge::Attention,
            ),
            (
                Signs {
                    term: TermState::Overdue,
                    ..unchecked
                },
                Badge::Action,
            ),
            (
                Signs {
                    term: TermState::DueSoon,
                    ..WELL
                },
                Badge::Attention,
            ),
            (
                Signs {
                    term: TermState::NotApplicable,
                    ..WELL
                },
                Badge::Healthy,
            ),
        ] {
            assert_eq!(Badge::of(signs), badge, "{signs:?}");
        }
    }
}
