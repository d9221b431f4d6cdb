//! What branches are narrowed and ordered by, and what is read together with them.

use chrono::NaiveDate;

use super::badge::Badge;
use crate::{
    branch::{Branch, BranchForm, BranchStatus, Domain, Term, TermState},
    brand::Brand,
    kernel::{id::OrganizationId, period::Period},
    organization::Organization,
};

/// Which branches; each part that is given narrows the list, and an empty set of names lets nothing through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BranchFilter {
    /// Below this organization, however far.
    pub organization: Option<OrganizationId>,
    /// In one of these fields.
    pub domains: Option<Vec<Domain>>,
    /// Of one of these forms.
    pub forms: Option<Vec<BranchForm>>,
    /// Of one of these; only active ones when left out.
    pub statuses: Option<Vec<BranchStatus>>,
    /// Whose term stands so on the business day.
    pub term_states: Option<Vec<TermState>>,
    /// With one of these badges on the business day.
    pub badges: Option<Vec<Badge>>,
    /// Whether they hold a gold title that has not been revoked.
    pub gold: Option<bool>,
    /// Whether they are in an active pairing that they have not left.
    pub paired: Option<bool>,
    /// Founded on this day or later.
    pub founded_from: Option<NaiveDate>,
    /// Founded on this day or earlier.
    pub founded_to: Option<NaiveDate>,
    /// Part of a name or a code, or initials of a name's pinyin, as it was typed.
    pub search: Option<String>,
}

/// How they follow each other. Each order is total: the key decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BranchOrder {
    /// By code.
    #[default]
    Code,
    /// By name, by code point.
    Name,
    /// Those with the most points of a period first.
    PointsDesc(Period),
    /// The youngest first.
    FoundedDesc,
    /// The term that ends first; those without a term last.
    TermEndAsc,
    /// What was changed last first.
    UpdatedDesc,
}

/// The business day, and what "soon" means on it: term states and badges depend on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// The day in Asia/Shanghai.
    pub day: NaiveDate,
    /// A term is due soon within so many months of its end.
    pub due_soon_months: u32,
    /// A rectification is due soon within so many days of its due day.
    pub amber_days: u32,
}

/// What is read of a branch in the same statement: what is at most one row to a branch and was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct With {
    /// The organization directly above.
    pub organization: bool,
    /// The published brand.
    pub brand: bool,
    /// The latest term.
    pub term: bool,
    /// Whether it holds a gold title.
    pub gold: bool,
    /// Its badge.
    pub badge: bool,
}

/// A branch with what was read beside it; None is what was not.
#[derive(Clone, Debug)]
pub struct BranchWith {
    /// The branch.
    pub branch: Branch,
    /// The organization directly above.
    pub organization: Option<Organization>,
    /// The published brand, if it has one.
    pub brand: Option<Option<Brand>>,
    /// The latest term, if it has one.
    pub term: Option<Option<Term>>,
    /// Whether it holds a gold title.
    pub gold: Option<bool>,
    /// Its badge.
    pub badge: Option<Badge>,
}
