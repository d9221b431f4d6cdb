//! What a list of branches is narrowed and ordered by.

use chrono::NaiveDate;

use crate::{
    branch::{BranchForm, BranchStatus, Domain, TermState},
    kernel::id::OrganizationId,
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
    /// The youngest first.
    FoundedDesc,
    /// The term that ends first; those without a term last.
    TermEndAsc,
    /// What was changed last first.
    UpdatedDesc,
}

/// The business day, and what "soon" means on it: term states depend on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// The day in Asia/Shanghai.
    pub day: NaiveDate,
    /// A term is due soon within so many months of its end.
    pub due_soon_months: u32,
}
