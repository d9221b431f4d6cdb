//! What the board adds up (docs/domain.md, 19): rules over rows that have been read.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike as _, NaiveDate};

use super::{badge::Badge, branches::Today};
use crate::{
    branch::{BranchForm, Domain, TermState},
    campaign::Aspect,
    kernel::{
        id::{BranchId, OrganizationId},
        points::Points,
    },
    organization::{Organization, OrganizationKind},
};

/// The days of a year, and those from which on figures count what was founded, elected and trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The year.
    pub year: i32,
    /// Where its figures begin.
    pub from: NaiveDate,
    /// 31 December.
    pub to: NaiveDate,
}

impl Span {
    /// Of a year whose figures begin on a day; None of a year that no calendar of ours has.
    pub fn of(year: i32, from: NaiveDate) -> Option<Self> {
        let to = NaiveDate::from_ymd_opt(year, 12, 31).filter(|_| (1..=9999).contains(&year))?;
        Some(Self { year, from, to })
    }

    /// 1 January.
    pub fn new_year(self) -> NaiveDate {
        self.to.with_ordinal(1).unwrap_or(self.to)
    }

    /// Whether its figures count what was on a day.
    pub fn counts(self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// An active branch, as the board reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its key.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// Its field.
    pub domain: Domain,
    /// Its form of organization.
    pub form: BranchForm,
    /// The organization directly above.
    pub organization: OrganizationId,
    /// The day it was founded.
    pub founded_on: NaiveDate,
    /// The last day of its term.
    pub term_ends_on: Option<NaiveDate>,
    /// Its points of the year.
    pub points: Points,
    /// Its rank in the district; temporary branches have none.
    pub rank: Option<i64>,
    /// Whether it holds a gold title.
    pub gold: bool,
    /// How it stands.
    pub badge: Badge,
}

impl Seen {
    /// Whether it takes part in what temporary branches take none in.
    pub fn is_regular(&self) -> bool {
        self.form != BranchForm::Temporary
    }

    fn term_state(&self, today: Today) -> TermState {
        match self.term_ends_on.filter(|_| self.is_regular()) {
            Some(end) => TermState::of_end(end, today.day, today.due_soon_months),
            None => TermState::NotApplicable,
        }
    }
}

/// Of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfDomain {
    /// Its branches.
    pub branches: usize,
    /// Of these, those that hold a gold title.
    pub gold: usize,
    /// Of these, those whose badge says so.
    pub healthy: usize,
    /// Of these, those founded in the span.
    pub founded: usize,
}

/// Every field, temporary branches left out.
pub fn domains(branches: &[Seen], span: Span) -> Vec<(Domain, OfDomain)> {
    let mut tallies: HashMap<Domain, OfDomain> = HashMap::new();
    for branch in branches.iter().filter(|branch| branch.is_regular()) {
        let tally = tallies.entry(branch.domain).or_default();
        tally.branches += 1;
        tally.gold += usize::from(branch.gold);
        tally.healthy += usize::from(branch.badge == Badge::Healthy);
        tally.founded += usize::from(span.counts(branch.founded_on));
    }
    let of = |domain: &Domain| (*domain, tallies.get(domain).copied().unwrap_or_default());
    Domain::ALL.iter().map(of).collect()
}

/// How many are where in their term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Within it.
    pub in_term: usize,
    /// Near its end.
    pub due_soon: usize,
    /// Beyond it.
    pub overdue: usize,
}

/// Where branches stand in their terms; those without one are left out.
pub fn terms(branches: &[Seen], today: Today) -> Terms {
    let mut terms = Terms::default();
    for branch in branches {
        match branch.term_state(today) {
            TermState::InTerm => terms.in_term += 1,
            TermState::DueSoon => terms.due_soon += 1,
            TermState::Overdue => terms.overdue += 1,
            TermState::NotApplicable => {}
        }
    }
    terms
}

/// Rectifications by light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lights {
    /// Closed or waived.
    pub green: i64,
    /// Under way.
    pub blue: i64,
    /// Due soon.
    pub amber: i64,
    /// Overdue.
    pub red: i64,
}

impl Lights {
    /// What is still to be put right.
    pub fn open(self) -> i64 {
        self.blue + self.amber + self.red
    }

    fn add(&mut self, other: Self) {
        self.green += other.green;
        self.blue += other.blue;
        self.amber += other.amber;
        self.red += other.red;
    }
}

/// Rectifications of the branches directly below an organization, of one aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The organization.
    pub organization: OrganizationId,
    /// What they are about.
    pub aspect: Aspect,
    /// How many, by light.
    pub lights: Lights,
}

/// All of them together.
pub fn lights(found: &[Found]) -> Lights {
    found.iter().fold(Lights::default(), |mut sum, row| {
        sum.add(row.lights);
        sum
    })
}

/// A row of the wall map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfCommittee {
    /// The committee.
    pub organization: Organization,
    /// Its active branches, of every form.
    pub branches: usize,
    /// Of these, those that hold a gold title.
    pub gold: usize,
    /// The year's points over its branches that are not temporary.
    pub average: Points,
    /// Its rectifications, by aspect.
    pub aspects: Vec<(Aspect, Lights)>,
}

/// Every committee among these organizations, by code; an organization's branches belong to the committee above it, however far.
pub fn committees(organizations: &[Organization], branches: &[Seen], found: &[Found]) -> Vec<OfCommittee> {
    let by_id: HashMap<OrganizationId, &Organization> = organizations.iter().map(|o| (o.id, o)).collect();
    let committee_of = |mut id: OrganizationId| loop {
        let organization = by_id.get(&id)?;
        if organization.kind == OrganizationKind::Committee {
            return Some(id);
        }
        id = organization.parent_id?;
    };
    #[derive(Default)]
    struct Sums {
        branches: usize,
        gold: usize,
        regular: i64,
        points: i64,
        aspects: HashMap<Aspect, Lights>,
    }
    let mut sums: HashMap<OrganizationId, Sums> = HashMap::new();
    for branch in branches {
        let Some(committee) = committee_of(branch.organization) else {
            continue;
        };
        let sums = sums.entry(committee).or_default();
        sums.branches += 1;
        sums.gold += usize::from(branch.gold);
        if branch.is_regular() {
            sums.regular += 1;
            sums.points += branch.points.hundredths();
        }
    }
    for row in found {
        if let Some(committee) = committee_of(row.organization) {
            let aspects = &mut sums.entry(committee).or_default().aspects;
            aspects.entry(row.aspect).or_default().add(row.lights);
        }
    }
    let kinds = organizations
        .iter()
        .filter(|o| o.kind == OrganizationKind::Committee);
    let committees: BTreeMap<&str, &Organization> = kinds.map(|o| (o.code.as_str(), o)).collect();
    committees
        .into_values()
        .map(|organization| {
            let sums = sums.remove(&organization.id).unwrap_or_default();
            let of = |aspect: &Aspect| (*aspect, sums.aspects.get(aspect).copied().unwrap_or_default());
            OfCommittee {
                organization: organization.clone(),
                branches: sums.branches,
                gold: sums.gold,
                average: average(sums.points, sums.regular),
                aspects: Aspect::ALL.iter().map(of).collect(),
            }
        })
        .collect()
}

/// A sum of hundredths over so many, in hundredths, half up; zero of nobody.
pub fn average(hundredths: i64, of: i64) -> Points {
    let doubled = hundredths.saturating_mul(2).saturating_add(of);
    Points::from_hundredths(
        doubled
            .checked_div_euclid(of.saturating_mul(2))
            .unwrap_or_default(),
    )
}

/// Applications of a year's campaign that ever reached each state, and the plan's quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoldCounts {
    /// How many gold branches the plan of the campaign has places for.
    pub quota: i64,
    /// Handed in.
    pub applied: i64,
    /// Recommended by their committee.
    pub recommended: i64,
    /// Awarded by the district.
    pub awarded: i64,
    /// Held up by a veto.
    pub vetoed: i64,
}

/// Pairings of a year that are ACTIVE or COMPLETED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairingCounts {
    /// 1+N.
    pub one_to_many: i64,
    /// N+N.
    pub many_to_many: i64,
    /// Active branches that are or were in one of them and have not left it.
    pub branches: i64,
}

/// Training of secretaries and Party workers in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainingCounts {
    /// Records.
    pub sessions: i64,
    /// Attendances.
    pub attendances: i64,
    /// Distinct persons.
    pub participants: i64,
    /// Hours of everybody, in quarters.
    pub quarter_hours: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_average_is_rounded_half_up() {
        for (sum, of, average_of) in [
            (0, 0, 0),
            (1, 2, 1),
            (1, 3, 0),
            (2, 3, 1),
            (-1, 2, 0),
            (-3, 2, -1),
            (-2, 3, -1),
            (819 * 150, 819, 150),
        ] {
            assert_eq!(average(sum, of).hundredths(), average_of, "{sum} over {of}");
        }
    }

    #[test]
    fn a_span_counts_both_its_ends() {
        let span = Span::of(2022, day("2020-07-01")).unwrap();
        assert_eq!(span.new_year(), day("2022-01-01"));
        for (of, counted) in [
            ("2020-06-30", false),
            ("2020-07-01", true),
            ("2022-12-31", true),
            ("2023-01-01", false),
        ] {
            assert_eq!(span.counts(day(of)), counted, "{of}");
        }
        assert_eq!(Span::of(0, day("2020-07-01")), None);
        assert_eq!(Span::of(10_000, day("2020-07-01")), None);
    }
}
