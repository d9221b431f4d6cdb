//! What was published, counted from the rows; and that there is something a wrong count would take in.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::{branch, district};
use crate::{
    branch::{BranchForm, BranchStatus, Domain},
    demo::{
        BUSINESS_DATE, FIGURES_FROM, OVERDUE,
        rows::{BranchRow, HeadcountRow, PairingRow, TermRow, TrainingRow},
    },
    kernel::id::{BranchId, OrganizationId},
    organization::{OrganizationKind, model::HeadcountKind},
    pairing::{PairingForm, PairingState},
    training::{Participant, SiteKind, TrainingAudience},
};

fn in_window(day: NaiveDate) -> bool {
    (FIGURES_FROM..=BUSINESS_DATE).contains(&day)
}

fn regular() -> impl Iterator<Item = &'static BranchRow> {
    district().branches.iter().filter(|row| row.is_regular())
}

fn by_domain(rows: impl Iterator<Item = &'static BranchRow>) -> BTreeMap<Domain, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.domain).or_default() += 1;
    }
    counts
}

fn of_domains<const N: usize>(counts: [(Domain, usize); N]) -> BTreeMap<Domain, usize> {
    counts.into()
}

#[test]
fn branches_over_domains_and_committees() {
    let active = || {
        district()
            .branches
            .iter()
            .filter(|row| row.status == BranchStatus::Active)
    };
    assert_eq!(active().count(), 826);
    assert_eq!(
        active().filter(|row| row.form == BranchForm::Temporary).count(),
        7
    );
    let expected = of_domains([
        (Domain::Rural, 132),
        (Domain::Community, 168),
        (Domain::Government, 118),
        (Domain::PublicInstitution, 126),
        (Domain::StateOwned, 84),
        (Domain::NonPublic, 158),
        (Domain::SocialOrg, 33),
    ]);
    assert_eq!(by_domain(regular()), expected);
    let kind = |kind| {
        district()
            .organizations
            .iter()
            .filter(|row| row.kind == kind)
            .count()
    };
    assert_eq!(
        (
            kind(OrganizationKind::District),
            kind(OrganizationKind::Committee)
        ),
        (1, 13)
    );
    let committees: HashSet<OrganizationId> = active().map(|row| row.committee_id).collect();
    assert_eq!(committees.len(), 13);
    let below_general = active()
        .filter(|row| row.organization_id != row.committee_id)
        .count();
    assert!(below_general > 30, "{below_general}");
    // Not counted: those that are no more.
    let ended = |status| {
        district()
            .branches
            .iter()
            .filter(|row| row.status == status)
            .count()
    };
    assert_eq!(
        (ended(BranchStatus::Merged), ended(BranchStatus::Dissolved)),
        (10, 14)
    );
}

#[test]
fn foundings_in_the_window() {
    let founded = || regular().filter(|row| in_window(row.founded_on));
    let expected = of_domains([
        (Domain::Rural, 6),
        (Domain::Community, 17),
        (Domain::Government, 6),
        (Domain::PublicInstitution, 8),
        (Domain::StateOwned, 7),
        (Domain::NonPublic, 38),
        (Domain::SocialOrg, 9),
    ]);
    assert_eq!(by_domain(founded()), expected);
    assert_eq!(founded().count(), 91);
    assert!(founded().any(|row| row.founded_on == FIGURES_FROM));
    assert!(founded().any(|row| row.founded_on == BUSINESS_DATE));
    let temporary = |status| {
        district()
            .branches
            .iter()
            .filter(|row| row.form == BranchForm::Temporary && row.status == status)
            .filter(|row| in_window(row.founded_on))
            .count()
    };
    assert_eq!(temporary(BranchStatus::Active), 7);
    // Not counted: temporary ones whose task is done, ended ones, those of the day before.
    assert!(temporary(BranchStatus::Dissolved) >= 2);
    let ended = |row: &&BranchRow| row.status != BranchStatus::Active && in_window(row.founded_on);
    assert!(district().branches.iter().filter(ended).count() >= 6);
    assert!(regular().any(|row| Some(row.founded_on) == FIGURES_FROM.pred_opt()));
}

#[test]
fn elections_on_time_in_the_window() {
    let elections = || district().terms.iter().filter(|row| in_window(row.elected_on));
    let on_time = |row: &&TermRow| row.on_time == Some(true);
    let active = |row: &&TermRow| branch(row.branch_id).is_regular();
    let expected = of_domains([
        (Domain::Government, 48),
        (Domain::PublicInstitution, 44),
        (Domain::StateOwned, 31),
        (Domain::NonPublic, 52),
    ]);
    let counted = elections()
        .filter(on_time)
        .filter(active)
        .map(|row| branch(row.branch_id));
    assert_eq!(by_domain(counted), expected);
    assert_eq!(elections().filter(on_time).filter(active).count(), 175);
    // Not counted: late ones, first ones, those of branches that are no more, those before the window.
    assert!(elections().filter(|row| row.on_time == Some(false)).count() >= 90);
    assert!(elections().filter(|row| row.on_time.is_none()).count() >= 100);
    assert!(
        elections()
            .filter(on_time)
            .filter(|row| !branch(row.branch_id).is_regular())
            .count()
            >= 4
    );
    let before = |row: &&TermRow| Some(row.elected_on) == FIGURES_FROM.pred_opt();
    assert_eq!(district().terms.iter().filter(before).filter(on_time).count(), 1);
}

/// The course of each three-year branch that stood before the window.
#[test]
fn the_other_276_opened_a_first_term_were_late_extended_due_or_overdue() {
    let mut terms: HashMap<BranchId, Vec<&TermRow>> = HashMap::new();
    for row in &district().terms {
        terms.entry(row.branch_id).or_default().push(row);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut overdue = Vec::new();
    let soon = NaiveDate::from_ymd_opt(2023, 6, 30).unwrap();
    for row in regular().filter(|row| row.founded_on < FIGURES_FROM) {
        let end = row.term_ends_on.unwrap();
        if end < BUSINESS_DATE {
            overdue.push(row.code.as_str());
        }
        let last = terms[&row.id].last().unwrap();
        let course = match last.on_time {
            _ if end < BUSINESS_DATE => "overdue",
            _ if end <= soon => "due soon",
            _ if row.domain.term_years() == 5 => "five years",
            _ if last.extended_to.is_some() => "extended",
            Some(true) if in_window(last.elected_on) => "on time",
            Some(false) if in_window(last.elected_on) => "late",
            None if in_window(last.elected_on) => "first",
            _ => panic!("{row:?}"),
        };
        *counts.entry(course).or_default() += 1;
    }
    let expected = [
        ("due soon", 14 + 8),
        ("extended", 30),
        ("first", 276 - 8 - 14 - 30 - 90),
        ("five years", 132 + 168 - 6 - 17 - 8),
        ("late", 90),
        ("on time", 175),
        ("overdue", 8),
    ];
    assert_eq!(counts, expected.into());
    assert_eq!(overdue, OVERDUE);
}

#[test]
fn gold_titles_that_stand() {
    let standing: Vec<_> = district()
        .gold_titles
        .iter()
        .filter(|row| row.revoked_on.is_none())
        .collect();
    let expected = of_domains([
        (Domain::Rural, 8),
        (Domain::Community, 11),
        (Domain::Government, 8),
        (Domain::PublicInstitution, 8),
        (Domain::StateOwned, 5),
        (Domain::NonPublic, 10),
        (Domain::SocialOrg, 2),
    ]);
    assert_eq!(
        by_domain(standing.iter().map(|row| branch(row.branch_id))),
        expected
    );
    assert_eq!(standing.len(), 52);
    assert!(standing.iter().all(|row| branch(row.branch_id).is_regular()));
    assert_eq!(district().gold_titles.len() - standing.len(), 9);
}

#[test]
fn pairings_of_the_year() {
    let counted = |row: &&PairingRow| row.year == 2022 && row.state.is_public();
    let pairings = || district().pairings.iter().filter(counted);
    let form = |form| pairings().filter(|row| row.form == form).count();
    assert_eq!(
        (
            form(PairingForm::OneToMany),
            form(PairingForm::ManyToMany),
            pairings().count()
        ),
        (40, 4, 44)
    );
    let standing = pairings().flat_map(|row| row.members.iter().filter(|member| member.left_on.is_none()));
    let branches: HashSet<BranchId> = standing.map(|member| member.branch_id).collect();
    assert_eq!(branches.len(), 216);
    assert!(branches.iter().all(|&id| branch(id).is_regular()));
    // Not counted: one that left, other states, another year; each names branches that are not among the 216.
    let left = pairings()
        .flat_map(|row| &row.members)
        .filter(|member| member.left_on.is_some());
    assert_eq!(
        left.filter(|member| !branches.contains(&member.branch_id))
            .count(),
        1
    );
    let others = |state, year| {
        district()
            .pairings
            .iter()
            .filter(|row| row.state == state && row.year == year)
            .filter(|row| {
                row.members
                    .iter()
                    .any(|member| !branches.contains(&member.branch_id))
            })
            .count()
    };
    let states = [
        (PairingState::Proposed, 2022),
        (PairingState::Proposed, 2023),
        (PairingState::Rejected, 2022),
        (PairingState::Terminated, 2022),
    ];
    assert_eq!(states.map(|(state, year)| others(state, year)), [3, 2, 4, 3]);
    assert_eq!(
        (
            others(PairingState::Completed, 2021),
            others(PairingState::Terminated, 2021)
        ),
        (5, 1)
    );
}

#[test]
fn training_bases_upgraded_in_the_window() {
    let upgraded = |kind| {
        let of_kind = district().sites.iter().filter(move |row| row.kind == kind);
        of_kind
            .filter(|row| row.upgraded_on.is_some_and(in_window))
            .count()
    };
    assert_eq!(upgraded(SiteKind::TrainingBase), 25);
    assert!(upgraded(SiteKind::NeighbourhoodStation) > 0 && upgraded(SiteKind::ServiceCentre) > 0);
    let bases = district()
        .sites
        .iter()
        .filter(|row| row.kind == SiteKind::TrainingBase);
    assert_eq!(bases.count(), 33);
}

#[test]
fn persons_trained_in_the_window() {
    let counted = |row: &&TrainingRow| in_window(row.held_on) && row.audience != TrainingAudience::Member;
    let persons = |rows: &mut dyn Iterator<Item = &'static TrainingRow>| {
        let all: Vec<&Participant> = rows.flat_map(|row| &row.participants).collect();
        (all.iter().collect::<HashSet<_>>().len(), all.len())
    };
    let trainings = || district().trainings.iter();
    assert_eq!(persons(&mut trainings().filter(counted)), (1328, 1846));
    // Not counted: whom only members' trainings and earlier ones name.
    let (distinct, _) = persons(&mut trainings().filter(|row| in_window(row.held_on)));
    assert!(distinct > 1500, "{distinct}");
    let (distinct, _) = persons(&mut trainings().filter(|row| row.audience != TrainingAudience::Member));
    assert!(distinct > 1500, "{distinct}");
    assert!(trainings().filter(counted).any(|row| row.held_on == FIGURES_FROM));
    assert!(trainings().any(
        |row| Some(row.held_on) == FIGURES_FROM.pred_opt() && row.audience == TrainingAudience::Secretary
    ));
}

#[test]
fn latest_head_counts() {
    let mut latest: HashMap<(OrganizationId, HeadcountKind), &HeadcountRow> = HashMap::new();
    for row in &district().headcounts {
        let slot = latest.entry((row.organization_id, row.kind)).or_insert(row);
        if row.as_of > slot.as_of {
            *slot = row;
        }
    }
    let sum = |kind| {
        latest
            .values()
            .filter(|row| row.kind == kind)
            .map(|row| row.count)
            .sum::<i32>()
    };
    let sums = [
        HeadcountKind::TwoCommittees,
        HeadcountKind::RisingStar,
        HeadcountKind::RuralWorker,
        HeadcountKind::NonPublicInstructor,
        HeadcountKind::AssignedOfficial,
        HeadcountKind::Volunteer,
    ]
    .map(sum);
    assert_eq!(sums, [372, 102, 28, 10, 412, 161_384]);
    assert!(
        latest.values().any(|row| row.as_of < BUSINESS_DATE),
        "some reported last in autumn"
    );
    assert!(district().headcounts.len() > 2 * latest.len());
}
