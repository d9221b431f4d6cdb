//! The district in memory: its figures, its rules, and that it never changes.

mod checks;
mod figures;
mod records;
mod rectifications;
mod rules;
mod selection;

use std::{collections::HashSet, sync::OnceLock};

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    BUSINESS_DATE, District, build,
    rows::{BranchRow, CheckRow, RectificationRow},
};
use crate::{
    kernel::{
        clock::day_in_shanghai,
        id::{BranchId, HealthCheckId},
    },
    training::ParticipantKey,
};

fn key(byte: u8) -> ParticipantKey {
    ParticipantKey::new(&[byte; 32]).unwrap()
}

fn district() -> &'static District {
    static DISTRICT: OnceLock<District> = OnceLock::new();
    DISTRICT.get_or_init(|| build(&key(1)))
}

fn branch(id: BranchId) -> &'static BranchRow {
    district().branches.iter().find(|row| row.id == id).unwrap()
}

fn checks() -> &'static [CheckRow] {
    &district().checks
}

fn rectifications() -> &'static [RectificationRow] {
    &district().rectifications
}

fn of_check(id: HealthCheckId) -> impl Iterator<Item = &'static RectificationRow> {
    rectifications()
        .iter()
        .filter(move |found| found.row.health_check_id == Some(id))
}

fn plausible(day: NaiveDate) -> bool {
    day >= NaiveDate::from_ymd_opt(1985, 1, 1).unwrap() && day <= BUSINESS_DATE
}

fn has_been(at: DateTime<Utc>) -> bool {
    plausible(day_in_shanghai(at))
}

/// Whether no two are equal.
fn distinct<T: std::hash::Hash + Eq>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

#[test]
fn it_is_the_same_every_time() {
    assert!(&build(&key(1)) == district());
}

#[test]
fn another_key_changes_participants_and_nothing_else() {
    let mut other = build(&key(2));
    for (one, two) in other.trainings.iter_mut().zip(&district().trainings) {
        assert!(one.participants != two.participants);
        assert_eq!(one.participants.len(), two.participants.len());
        one.participants.clone_from(&two.participants);
    }
    assert!(&other == district());
}
