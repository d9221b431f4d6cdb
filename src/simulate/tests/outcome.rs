//! What the list comes to: who meets the items of the health check, and who may apply for gold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{Datelike as _, NaiveDate};

use super::{directory, district, small};
use crate::{
    branch::Domain,
    demo::{
        BUSINESS_DATE, OVERDUE,
        health::{self, Item},
        rows::BranchRow,
    },
    kernel::{clock::day_in_shanghai, id::BranchId, period::Period, points::Points},
    points::Activity,
    rectification::model::TERM_ITEM,
    simulate::{List, Reckoning, Size, build},
};

type Days = HashMap<(BranchId, Activity), Vec<NaiveDate>>;

/// On which days each branch earned points that were not reversed.
fn days(list: &List) -> Days {
    let directory = directory();
    let mut days: Days = HashMap::new();
    for event in Reckoning::of(list, &directory).events {
        if let Some(branch) = event.branch.filter(|_| !event.reversed) {
            let day = day_in_shanghai(event.happened_at);
            days.entry((branch, event.activity)).or_default().push(day);
        }
    }
    days
}

/// The months that are missed of an item, of the spans that lie wholly in the year and after the branch's founding, and
/// have ended by the business day or run on it. None where no span counts.
fn missed(days: &Days, branch: &BranchRow, item: &Item) -> Option<Vec<u32>> {
    let done = days.get(&(branch.id, item.activity));
    let in_month = |month: u32| {
        done.into_iter()
            .flatten()
            .any(|day| day.year() == health::YEAR && day.month() == month && *day <= BUSINESS_DATE)
    };
    let begins = |month: u32| NaiveDate::from_ymd_opt(health::YEAR, month, 1).unwrap();
    let spans: Vec<_> = item
        .periods()
        .filter(|months| begins(*months.start()) >= branch.founded_on)
        .collect();
    (!spans.is_empty()).then(|| {
        spans
            .into_iter()
            .filter(|months| !months.clone().any(in_month))
            .flatten()
            .collect()
    })
}

fn regular() -> impl Iterator<Item = &'static BranchRow> {
    district().branches.iter().filter(|row| row.is_regular())
}

#[test]
fn exactly_the_failing_branches_miss_what_they_are_to_miss() {
    let days = days(small());
    let failing = health::failing(district());
    assert_eq!((regular().count(), failing.len()), (819, 48));
    let expected: BTreeMap<BranchId, BTreeMap<&str, Vec<u32>>> = failing
        .iter()
        .map(|failing| {
            let misses = failing.misses.iter().filter(|miss| miss.item != TERM_ITEM);
            let misses = misses.map(|miss| (miss.item, miss.months.clone()));
            (failing.branch_id, misses.collect())
        })
        .collect();
    let mut found: BTreeMap<BranchId, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
    let mut answered = 0;
    for branch in regular() {
        for item in health::items().filter(|item| item.applies_to(branch)) {
            let missed = missed(&days, branch, &item);
            answered += usize::from(missed.is_some());
            if let Some(months) = missed.filter(|months| !months.is_empty()) {
                found.entry(branch.id).or_default().insert(item.code, months);
            }
        }
    }
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .filter(|(_, misses)| !misses.is_empty())
        .collect();
    assert_eq!(found, expected);
    assert!(answered > 4000, "{answered}");
}

#[test]
fn a_check_fails_by_a_mandatory_item_and_never_a_gold_branchs() {
    let failing = health::failing(district());
    assert_eq!(health::failing(district()), failing);
    let gold: HashSet<BranchId> = gold().collect();
    let mut items = BTreeSet::new();
    for failing in &failing {
        let branch = regular().find(|row| row.id == failing.branch_id).unwrap();
        assert!(
            !gold.contains(&branch.id) && branch.founded_on.year() < health::YEAR,
            "{branch:?}"
        );
        let overdue = OVERDUE.contains(&branch.code.as_str());
        let mandatory = |code: &str| {
            let is_mandatory = district()
                .template
                .iter()
                .any(|item| item.code == code && item.mandatory);
            is_mandatory && (overdue || code != TERM_ITEM)
        };
        assert!(
            failing.misses.iter().any(|miss| mandatory(miss.item)),
            "{failing:?}"
        );
        for miss in &failing.misses {
            assert_eq!(miss.months.is_empty(), miss.item == TERM_ITEM);
            items.insert(miss.item);
        }
    }
    let codes = health::items().map(|item| item.code).chain([TERM_ITEM]);
    assert_eq!(items, codes.collect());
    let overdue = regular().filter(|row| OVERDUE.contains(&row.code.as_str()));
    assert!(
        overdue
            .map(|row| row.id)
            .all(|id| failing.iter().any(|f| f.branch_id == id))
    );
}

fn gold() -> impl Iterator<Item = BranchId> {
    let titles = district().gold_titles.iter();
    titles
        .filter(|title| title.revoked_on.is_none())
        .map(|title| title.branch_id)
}

/// In each domain: the branches within the best 30 % by points of the year, ties in.
fn eligible(list: &List) -> BTreeMap<Domain, (usize, HashSet<BranchId>)> {
    let directory = directory();
    let year = Period::of_year(health::YEAR).unwrap();
    let reckoning = Reckoning::of(list, &directory);
    let own = reckoning.totals(&directory, year);
    // What a merged branch earned counts for its successor, and for that one's.
    let mut totals: HashMap<BranchId, Points> = HashMap::new();
    for row in &district().branches {
        let points = own.get(row.code.as_str()).copied().unwrap_or_default();
        let mut counts_for = Some(row);
        while let Some(heir) = counts_for {
            let total = totals.entry(heir.id).or_default();
            *total = *total + points;
            let successor = |other: &&BranchRow| Some(other.id) == heir.successor_id;
            counts_for = district().branches.iter().find(successor);
        }
    }
    let points = |row: &BranchRow| totals[&row.id];
    Domain::ALL
        .iter()
        .map(|&domain| {
            let rows: Vec<&BranchRow> = regular().filter(|row| row.domain == domain).collect();
            let places = (rows.len() * 30 / 100).max(1);
            let rank = |row: &BranchRow| 1 + rows.iter().filter(|other| points(other) > points(row)).count();
            let best = rows.iter().filter(|row| rank(row) <= places).map(|row| row.id);
            (domain, (places, best.collect()))
        })
        .collect()
}

#[test]
fn gold_branches_are_among_the_best_of_their_domain_and_so_are_others() {
    let gold: HashSet<BranchId> = gold().collect();
    assert_eq!(gold.len(), 52);
    let large = build(district(), Size::Large);
    assert!((1_150_000..=1_250_000).contains(&large.len()), "{}", large.len());
    for list in [small(), &large] {
        let best = eligible(list);
        for (domain, (places, best)) in &best {
            assert!(best.len() >= *places, "{domain:?}");
            let others = best.iter().filter(|id| !gold.contains(id)).count();
            assert!(others >= 6, "{domain:?}: {others}");
        }
        let all: HashSet<BranchId> = best.values().flat_map(|(_, best)| best).copied().collect();
        assert!(gold.is_subset(&all), "{:?}", gold.difference(&all));
    }
}
