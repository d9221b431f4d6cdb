//! How much the platform holds.

use clap::ValueEnum;

/// How much the platform holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// About 48 thousand entries: the demonstration's.
    #[default]
    Small,
    /// About 1.2 million: the same branches, busier.
    Large,
}

/// Points of a year, from and to.
pub(super) type Range = (i32, i32);

impl Size {
    /// What most branches earn beyond what is due.
    pub(super) fn beyond_due(self) -> Range {
        match self {
            Self::Small => (6, 24),
            Self::Large => (2100, 3000),
        }
    }

    /// What the branches at the top of their domains earn in all. It lies above everybody else's: all that is due
    /// comes to 130 points at most.
    pub(super) fn top(self) -> Range {
        match self {
            Self::Small => (180, 230),
            Self::Large => (3350, 4200),
        }
    }
}
