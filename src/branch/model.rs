//! What a branch is, and the rules it holds (docs/domain.md, 2 to 4).

mod error;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Months, NaiveDate, Utc};

pub use error::BranchError;

use crate::kernel::{
    id::{BranchId, OrganizationId},
    names::stored_names,
    refusal::Refusal,
    text,
};

/// How many mergers a code is followed through: A into B, B into C, and so on.
pub const MAX_SUCCESSIONS: usize = 16;

stored_names! {
    /// Field (领域) of a branch.
    Domain {
        /// 农村
        Rural => "RURAL",
        /// 社区
        Community => "COMMUNITY",
        /// 机关
        Government => "GOVERNMENT",
        /// 事业单位
        PublicInstitution => "PUBLIC_INSTITUTION",
        /// 国有企业
        StateOwned => "STATE_OWNED",
        /// 非公企业
        NonPublic => "NON_PUBLIC",
        /// 社会组织
        SocialOrg => "SOCIAL_ORG",
    }
}

impl Domain {
    /// Years of a committee's term: villages and communities 5, all others 3
    /// (《中国共产党基层组织选举工作条例》2020).
    pub fn term_years(self) -> u32 {
        match self {
            Domain::Rural | Domain::Community => 5,
            _ => 3,
        }
    }
}

stored_names! {
    /// How a branch is set up.
    BranchForm {
        /// 单独组建
        Single => "SINGLE",
        /// 联合党支部
        Joint => "JOINT",
        /// 临时党支部: no election, no health check, no gold, no ranks; ends with its task.
        Temporary => "TEMPORARY",
    }
}

stored_names! {
    /// Whether a branch goes on.
    BranchStatus {
        /// 运行
        Active => "ACTIVE",
        /// 已合并
        Merged => "MERGED",
        /// 已撤销
        Dissolved => "DISSOLVED",
    }
}

/// How a branch stands in its term of office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TermState {
    /// 任期内
    InTerm,
    /// 临近届满
    DueSoon,
    /// 届满未换届
    Overdue,
    /// Temporary, ended, or no election recorded yet.
    NotApplicable,
}

impl TermState {
    /// Of an active branch that is not temporary and whose latest term ends on a day.
    pub fn of_end(end: NaiveDate, today: NaiveDate, due_soon_months: u32) -> Self {
        if today > end {
            TermState::Overdue
        } else if today
            .checked_add_months(Months::new(due_soon_months))
            .is_none_or(|soon| soon >= end)
        {
            TermState::DueSoon
        } else {
            TermState::InTerm
        }
    }
}

/// A branch as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its key.
    pub id: BranchId,
    /// Its code, normalized and unique.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The field it works in (领域).
    pub domain: Domain,
    /// Its form of organization.
    pub form: BranchForm,
    /// Whether it is active, merged or dissolved.
    pub status: BranchStatus,
    /// The committee or general branch directly above.
    pub organization_id: OrganizationId,
    /// The day it was founded.
    pub founded_on: NaiveDate,
    /// The day it was merged or dissolved.
    pub ended_on: Option<NaiveDate>,
    /// The branch it was merged into.
    pub successor_id: Option<BranchId>,
    /// Party members, in persons.
    pub member_count: i32,
    /// Office line; shown only up the branch's own chain.
    pub contact_phone: Option<String>,
    /// The (extended) end of the latest term.
    pub term_ends_on: Option<NaiveDate>,
    /// Grows with every change.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a branch is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchNames {
    /// Its key.
    pub id: BranchId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Where a branch is compared with others: its field, and the organization directly above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its field.
    pub domain: Domain,
    /// The organization directly above it.
    pub organization: OrganizationId,
}

impl Branch {
    /// Where it is compared with others; None for what takes no part: temporary branches, and those that have ended.
    pub fn place(&self) -> Option<Place> {
        (self.is_active() && self.form != BranchForm::Temporary).then_some(Place {
            domain: self.domain,
            organization: self.organization_id,
        })
    }

    /// Where it stands in its term on a day; DUE_SOON within `due_soon_months` of the end.
    pub fn term_state(&self, today: NaiveDate, due_soon_months: u32) -> TermState {
        let (BranchStatus::Active, BranchForm::Single | BranchForm::Joint, Some(end)) =
            (self.status, self.form, self.term_ends_on)
        else {
            return TermState::NotApplicable;
        };
        TermState::of_end(end, today, due_soon_months)
    }

    /// Whether it goes on.
    pub fn is_active(&self) -> bool {
        self.status == BranchStatus::Active
    }

    /// Nothing of a merged or dissolved branch changes any more.
    /// `field` is the input's that names it.
    pub fn check_active(&self, field: &'static str) -> Result<(), BranchError> {
        if self.is_active() {
            Ok(())
        } else {
            Err(BranchError::Ended(field, self.status))
        }
    }

    /// The day a move, merger or dissolution takes effect: today or earlier, not before the founding.
    pub fn check_effective(&self, on: NaiveDate, today: NaiveDate) -> Result<(), BranchError> {
        if on > today {
            return Err(BranchError::InTheFuture("effectiveOn", today));
        }
        if on < self.founded_on {
            return Err(BranchError::BeforeFounding("effectiveOn", self.founded_on));
        }
        Ok(())
    }

    /// The term that an election on a day opens, of the domain's years or of fewer. An election is on time when
    /// it was held by the end (or the extended end) of the term before (《中国共产党基层组织选举工作条例》2020).
    pub fn elect(
        &self,
        previous: Option<&Term>,
        elected_on: NaiveDate,
        years: Option<i32>,
        today: NaiveDate,
    ) -> Result<Term, BranchError> {
        if self.form == BranchForm::Temporary {
            return Err(BranchError::TemporaryHasNoTerm("electedOn"));
        }
        if elected_on > today {
            return Err(BranchError::InTheFuture("electedOn", today));
        }
        if elected_on < self.founded_on {
            return Err(BranchError::BeforeFounding("electedOn", self.founded_on));
        }
        if let Some(previous) = previous.filter(|previous| elected_on <= previous.elected_on) {
            return Err(BranchError::NotAfterPrevious(previous.elected_on));
        }
        let most = self.domain.term_years();
        let years = match years {
            None => most,
            Some(years) => u32::try_from(years)
                .ok()
                .filter(|years| (1..=most).contains(years))
                .ok_or(BranchError::TermYears { given: years, most })?,
        };
        Ok(Term {
            branch_id: self.id,
            elected_on,
            ends_on: years_later(elected_on, years),
            extended_to: None,
            on_time: previous.map(|previous| elected_on <= previous.end()),
        })
    }

    /// The current term with an approved extension: later than its end, at most one year beyond the regular
    /// one (《中国共产党基层组织选举工作条例》2020).
    pub fn extend(&self, term: Option<&Term>, to: NaiveDate) -> Result<Term, BranchError> {
        if self.form == BranchForm::Temporary {
            return Err(BranchError::TemporaryHasNoTerm("branchId"));
        }
        let term = term.ok_or(BranchError::NoTerm)?;
        if to <= term.end() {
            return Err(BranchError::NoExtension(term.end()));
        }
        let latest = years_later(term.ends_on, 1);
        if to > latest {
            return Err(BranchError::ExtensionTooLong(latest));
        }
        Ok(Term {
            extended_to: Some(to),
            ..term.clone()
        })
    }

    /// Whether it can be merged into another, which `leads_back` says was merged into it before.
    pub fn check_merge(&self, into: &Branch, leads_back: bool) -> Result<(), BranchError> {
        if self.id == into.id {
            return Err(BranchError::MergeIntoItself);
        }
        self.check_active("id")?;
        if leads_back {
            return Err(BranchError::MergeRing);
        }
        if !into.is_active() {
            return Err(BranchError::MergeIntoEnded(into.status));
        }
        if self.form == BranchForm::Temporary {
            return Err(BranchError::MergeTemporary("id"));
        }
        if into.form == BranchForm::Temporary {
            return Err(BranchError::MergeTemporary("intoBranchId"));
        }
        Ok(())
    }
}

/// The same day so many years later; 28 February where there is no 29th.
fn years_later(day: NaiveDate, years: u32) -> NaiveDate {
    day.checked_add_months(Months::new(12 * years))
        .unwrap_or(NaiveDate::MAX)
}

/// A committee's term of office (届).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whose term it is.
    pub branch_id: BranchId,
    /// The day of the election that opened it.
    pub elected_on: NaiveDate,
    /// Its regular end, before any extension.
    pub ends_on: NaiveDate,
    /// Approved extension, at most one year.
    pub extended_to: Option<NaiveDate>,
    /// Whether the election that opened it was held by the end of the one before; None for a first term.
    pub on_time: Option<bool>,
}

impl Term {
    /// Its last day, with an extension.
    pub fn end(&self) -> NaiveDate {
        self.extended_to.unwrap_or(self.ends_on)
    }
}

/// Another code by which a branch is or was known, to everybody or to one point source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Whose code it is.
    pub branch_id: BranchId,
    /// The code, normalized.
    pub code: String,
    /// The source that knows the branch by it; None for everybody.
    pub source_code: Option<String>,
    /// The first day it is valid.
    pub since: NaiveDate,
    /// The last day it is valid; None while it stands.
    pub until: Option<NaiveDate>,
}

impl Alias {
    /// The days it is valid.
    pub fn check_days(&self) -> Result<(), BranchError> {
        match self.until.filter(|until| *until < self.since) {
            Some(_) => Err(BranchError::AliasEndsBeforeItBegins(self.since)),
            None => Ok(()),
        }
    }

    /// What it holds.
    pub fn holding(&self) -> Holding {
        Holding {
            source_code: self.source_code.clone(),
            since: self.since,
            until: self.until,
        }
    }

    /// The alias ended on a day: not before it began, and not later than it ends already.
    pub fn end(&self, until: NaiveDate) -> Result<Alias, BranchError> {
        if let Some(ended) = self.until.filter(|ended| until > *ended) {
            return Err(BranchError::AliasEnded(ended));
        }
        let ended = Alias {
            until: Some(until),
            ..self.clone()
        };
        ended.check_days()?;
        Ok(ended)
    }
}

/// Who holds a code, to whom, and when. A branch's own code is held towards everybody from its founding on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The source towards which it is held; None for everybody.
    pub source_code: Option<String>,
    /// The first day.
    pub since: NaiveDate,
    /// The last day; None while it stands.
    pub until: Option<NaiveDate>,
}

impl Holding {
    /// Whether both would hold the code at one time towards somebody: two branches cannot.
    pub fn collides(&self, other: &Holding) -> bool {
        let same_eyes = self.source_code.is_none()
            || other.source_code.is_none()
            || self.source_code == other.source_code;
        let begins_in = |a: &Holding, b: &Holding| a.until.is_none_or(|until| until >= b.since);
        same_eyes && begins_in(self, other) && begins_in(other, self)
    }
}

/// The telephone of an office: a fixed line with or without its area code, a 400 or 800 number, a short line such as
/// 12371; an extension behind 转. Nothing else, so that no mobile number and no name gets in (docs/domain.md, 8).
pub fn office_line(given: &str) -> Result<String, Refusal> {
    const LIMIT: usize = 40;
    let line = text::line(&text::fold(given), LIMIT).map_err(|error| error.refusal(&["contactPhone"]))?;
    let (number, extension) = match line.split_once('转') {
        Some((number, extension)) => (number, Some(extension)),
        None => (line.as_str(), None),
    };
    let digits = |text: &str| -> Option<String> {
        // +86 592 is 0592 dialled from abroad.
        let (prefix, rest) = match text.strip_prefix("+86") {
            Some(rest) => ("0", rest),
            None => ("", text),
        };
        rest.chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | '(' | ')' | ' '))
            .then(|| {
                prefix
                    .chars()
                    .chain(rest.chars().filter(char::is_ascii_digit))
                    .collect()
            })
    };
    let is_line = |digits: &str| match digits.strip_prefix('0') {
        // 0 before a mobile number is how it was dialled from another town; no area code looks like that.
        Some(rest) => (8..=11).contains(&rest.len()) && !(rest.len() == 11 && rest.starts_with('1')),
        None if digits.starts_with("400") || digits.starts_with("800") => digits.len() == 10,
        None => (3..=8).contains(&digits.len()),
    };
    let extends = |digits: &str| (1..=6).contains(&digits.len());
    let good = digits(number).is_some_and(|digits| is_line(&digits))
        && extension.is_none_or(|text| digits(text).is_some_and(|digits| extends(&digits)));
    if good {
        Ok(line)
    } else {
        Err(BranchError::NotAnOfficeLine.into())
    }
}
