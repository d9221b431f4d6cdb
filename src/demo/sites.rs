//! Training bases, neighbourhood stations and service centres.

use super::{
    dice::{Dice, Subject, date},
    names::{STREETS, ordinal, synthetic},
    organizations::{committee, committees},
    rows::SiteRow,
};
use crate::{kernel::id::SiteId, training::SiteKind};

/// Training bases brought up to standard in the window; these are counted.
const UPGRADED_BASES: usize = 25;

pub(super) fn build() -> Vec<SiteRow> {
    let mut dice = Dice::new(Subject::Sites);
    let (from, to) = (date(2020, 7, 1), date(2022, 12, 31));
    let committees = committees().count();
    let mut rows: Vec<SiteRow> = Vec::new();
    let mut push = |number: usize, kind, name: String, upgraded_on| {
        let id = SiteId(rows.len() as i64 + 1);
        rows.push(SiteRow {
            id,
            name: synthetic(&name),
            kind,
            organization_id: committee(number),
            upgraded_on,
        });
    };
    for index in 0..UPGRADED_BASES {
        let upgraded_on = match index {
            0 => from,
            1 => to,
            _ => dice.day(from, to),
        };
        let name = format!("{}党建实训基地", ordinal(index + 1));
        push(
            index % committees + 1,
            SiteKind::TrainingBase,
            name,
            Some(upgraded_on),
        );
    }
    // Upgraded before the window, the last of them the day before; and not upgraded yet.
    for (index, upgraded_on) in [
        Some(date(2018, 9, 3)),
        Some(date(2019, 5, 20)),
        Some(date(2019, 11, 11)),
        Some(date(2020, 3, 30)),
        Some(date(2020, 6, 30)),
        None,
        None,
        None,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{}党建实训基地", ordinal(UPGRADED_BASES + index + 1));
        push(index % committees + 1, SiteKind::TrainingBase, name, upgraded_on);
    }
    for index in 0..36 {
        let number = index % STREETS.len() + 1;
        let street = STREETS.get(index % STREETS.len()).copied().unwrap_or_default();
        let name = format!("{street}{}邻里驿站", ordinal(index / STREETS.len() + 1));
        let upgraded_on = (index % 3 != 2).then(|| dice.day(from, to));
        push(number, SiteKind::NeighbourhoodStation, name, upgraded_on);
    }
    for number in 1..=committees {
        let name = format!("{}党群服务中心", ordinal(number));
        let upgraded_on = (number % 2 == 0).then(|| dice.day(from, to));
        push(number, SiteKind::ServiceCentre, name, upgraded_on);
    }
    rows
}
