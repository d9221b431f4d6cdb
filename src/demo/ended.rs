//! Branches that are no more, the codes that branches were known by, and their moves.

use chrono::NaiveDate;

use super::{
    SOURCE,
    branches::{code, office_line, unit_name},
    dice::{Dice, Subject, date, minus_days, plus_days},
    names::{ordinal, synthetic},
    organizations::committee,
    rows::{AliasRow, BranchMoveRow, BranchRow},
};
use crate::{
    branch::{BranchForm, BranchStatus, Domain},
    kernel::{id::BranchId, text::search_text},
};

const MERGED: usize = 10;
const DISSOLVED: usize = 14;

/// Merged and dissolved branches; a third of them were founded in the window and ended in it, the last merged
/// one went into the one before it, which had been merged already: two steps to its successor.
pub(super) fn build(active: &[BranchRow]) -> Vec<BranchRow> {
    let mut dice = Dice::new(Subject::Ended);
    let homes = [
        (1, Domain::Rural),
        (2, Domain::NonPublic),
        (3, Domain::Community),
        (5, Domain::Government),
        (8, Domain::StateOwned),
        (9, Domain::NonPublic),
        (6, Domain::PublicInstitution),
    ];
    let mut rows: Vec<BranchRow> = Vec::new();
    for place in 0..MERGED + DISSOLVED {
        let (number, domain) = homes
            .get(place % homes.len())
            .copied()
            .unwrap_or((1, Domain::Rural));
        let id = (active.len() + place) as i64 + 1;
        let merged = place < MERGED;
        let temporary = !merged && place % 4 == 0;
        let founded_on = if place % 3 == 0 || temporary {
            dice.day(date(2020, 7, 1), date(2021, 6, 30))
        } else {
            dice.day(date(1995, 1, 1), date(2014, 12, 31))
        };
        let ended_on = dice.day(date(2021, 9, 1), date(2022, 11, 30));
        let successor_id = match place {
            _ if !merged => None,
            place if place + 1 == MERGED => Some(BranchId(id - 1)),
            _ => active
                .iter()
                .filter(|row| {
                    row.is_regular() && row.domain == domain && row.committee_id == committee(number)
                })
                .nth(place)
                .map(|row| row.id),
        };
        let form = if temporary {
            BranchForm::Temporary
        } else {
            BranchForm::Single
        };
        let unit = unit_name(number, domain, place);
        let name = match form {
            BranchForm::Temporary => format!("{}应急专班临时党支部", ordinal(place + 1)),
            _ => format!("原{unit}{}党支部", ordinal(place + 1)),
        };
        let name = synthetic(&name);
        let code = code(id);
        rows.push(BranchRow {
            id: BranchId(id),
            search_text: search_text(&name, &code),
            code,
            name,
            domain,
            form,
            status: if merged {
                BranchStatus::Merged
            } else {
                BranchStatus::Dissolved
            },
            organization_id: committee(number),
            committee_id: committee(number),
            founded_on,
            ended_on: Some(ended_on),
            successor_id,
            member_count: dice.number(3, 12),
            contact_phone: office_line(&mut dice),
            term_ends_on: None,
            updated_at: dice.instant(ended_on),
        });
    }
    // A merged branch can take in another only before it ends itself.
    let earlier = rows.get(MERGED.wrapping_sub(2)).and_then(|row| row.ended_on);
    if let (Some(last), Some(end)) = (rows.get_mut(MERGED.wrapping_sub(1)), earlier) {
        let ended_on = minus_days(end, 60);
        last.ended_on = Some(ended_on);
        last.updated_at = dice.instant(ended_on);
    }
    rows
}

/// Codes that branches are or were known by: to everybody, to one source of points, until a day; a code that
/// passed from one branch to another, and one of a branch that has been merged since.
pub(super) fn aliases(active: &[BranchRow], ended: &[BranchRow]) -> Vec<AliasRow> {
    let mut rows: Vec<AliasRow> = Vec::new();
    let mut push = |branch_id, code: String, source_code, since, until: Option<NaiveDate>| {
        let id = rows.len() as i64 + 1;
        rows.push(AliasRow {
            id,
            branch_id,
            code,
            source_code,
            since,
            until,
        });
    };
    let renumbered = date(2021, 1, 1);
    for (nth, branch) in active
        .iter()
        .filter(|row| row.founded_on < date(2017, 1, 1))
        .step_by(11)
        .enumerate()
    {
        let old = format!("XM-HC-{:03}", nth + 1);
        match nth % 3 {
            0 => push(branch.id, old, "", branch.founded_on, None),
            1 => push(
                branch.id,
                old,
                "",
                branch.founded_on,
                Some(minus_days(renumbered, 1)),
            ),
            _ => push(
                branch.id,
                format!("EJIA-{:05}", 20_000 + nth),
                SOURCE,
                renumbered,
                None,
            ),
        }
    }
    // One code, two branches, one after the other.
    let handed_over = date(2022, 1, 1);
    let mut others = active
        .iter()
        .filter(|row| row.founded_on < date(2017, 1, 1))
        .skip(5);
    if let (Some(one), Some(other)) = (others.next(), others.next()) {
        let until = Some(minus_days(handed_over, 1));
        push(one.id, "XM-HC-900".to_owned(), "", date(2019, 1, 1), until);
        push(other.id, "XM-HC-900".to_owned(), "", handed_over, None);
    }
    for branch in ended
        .iter()
        .filter(|row| row.status == BranchStatus::Merged)
        .skip(1)
        .step_by(4)
    {
        let old = format!("XM-HC-{}", 900 + branch.id.0 % 100);
        push(branch.id, old, "", branch.founded_on, None);
    }
    rows
}

/// Branches that hung elsewhere before; every count goes by where they hang now.
pub(super) fn moves(active: &[BranchRow]) -> Vec<BranchMoveRow> {
    let moved = active
        .iter()
        .filter(|row| row.domain == Domain::NonPublic && row.founded_on < date(2017, 1, 1))
        .step_by(8)
        .take(12);
    moved
        .zip(1_i64..)
        .map(|(row, id)| {
            let from = if row.committee_id == committee(9) {
                committee(10)
            } else {
                committee(9)
            };
            BranchMoveRow {
                id,
                branch_id: row.id,
                from_organization_id: from,
                to_organization_id: row.organization_id,
                effective_on: plus_days(date(2020, 9, 1), id as u64 * 61),
            }
        })
        .collect()
}
