//! The district, its thirteen committees and a few general branches below them.

use std::collections::HashMap;

use super::{
    branches::unit_name,
    dice::{date, instant},
    names::{STREETS, synthetic},
    rows::{OrganizationMoveRow, OrganizationRow},
};
use crate::{branch::Domain, kernel::id::OrganizationId, organization::OrganizationKind};

/// The district's row.
pub(super) const DISTRICT: OrganizationId = OrganizationId(1);

/// Committees 5 to 13; 1 to 4 are the streets'.
const OTHER_COMMITTEES: [&str; 9] = [
    "区直机关党工委",
    "教育系统党工委",
    "卫健系统党工委",
    "国资系统党工委",
    "非公企业和社会组织党工委",
    "台商投资区党工委",
    "建设交通系统党工委",
    "政法系统党工委",
    "生物医药港党工委",
];

/// General branches: the committee, the domain, and the place of its unit among that committee's, which it takes
/// its name from.
const GENERAL_BRANCHES: [(usize, Domain, usize); 14] = [
    (1, Domain::Community, 0),
    (1, Domain::Community, 2),
    (1, Domain::Rural, 1),
    (2, Domain::Community, 1),
    (2, Domain::Rural, 0),
    (3, Domain::Community, 0),
    (3, Domain::Community, 3),
    (4, Domain::Rural, 0),
    (4, Domain::Rural, 5),
    (6, Domain::PublicInstitution, 0),
    (7, Domain::PublicInstitution, 4),
    (8, Domain::StateOwned, 1),
    (8, Domain::StateOwned, 5),
    (12, Domain::Government, 0),
];

/// The row of a committee by its number, 1 to 13.
pub(super) fn committee(number: usize) -> OrganizationId {
    OrganizationId(1 + number as i64)
}

/// Numbers of the committees.
pub(super) fn committees() -> std::ops::RangeInclusive<usize> {
    1..=STREETS.len() + OTHER_COMMITTEES.len()
}

/// What stands directly above the branches of a unit: its general branch, or the committee.
pub(super) fn above(committee_number: usize, domain: Domain, unit: usize) -> OrganizationId {
    GENERAL_BRANCHES
        .iter()
        .position(|&general| general == (committee_number, domain, unit))
        .map_or(committee(committee_number), general_branch)
}

fn general_branch(position: usize) -> OrganizationId {
    OrganizationId(committee(*committees().end()).0 + 1 + position as i64)
}

/// Every organization with each above it and how far above; itself at 0.
pub(super) fn closure(rows: &[OrganizationRow]) -> Vec<(OrganizationId, OrganizationId, i32)> {
    let parents: HashMap<OrganizationId, OrganizationId> = rows
        .iter()
        .filter_map(|row| Some((row.id, row.parent_id?)))
        .collect();
    let mut closure = Vec::new();
    for row in rows {
        let above = std::iter::successors(Some(row.id), |id| parents.get(id).copied());
        closure.extend(above.zip(0..).map(|(ancestor, depth)| (ancestor, row.id, depth)));
    }
    closure
}

pub(super) fn build() -> (Vec<OrganizationRow>, Vec<OrganizationMoveRow>) {
    let updated_at = instant(date(2022, 12, 1), 9 * 60);
    let row = |id, code: String, name: String, kind, parent_id| OrganizationRow {
        id,
        code,
        name,
        kind,
        parent_id,
        updated_at,
    };
    let mut rows = vec![row(
        DISTRICT,
        "HC".to_owned(),
        "中共厦门市海沧区委".to_owned(),
        OrganizationKind::District,
        None,
    )];
    let names = STREETS
        .iter()
        .map(|street| format!("{street}党工委"))
        .chain(OTHER_COMMITTEES.iter().map(|name| synthetic(name)));
    for (number, name) in committees().zip(names) {
        rows.push(row(
            committee(number),
            format!("HC-{number:02}"),
            name,
            OrganizationKind::Committee,
            Some(DISTRICT),
        ));
    }
    for (position, &(number, domain, unit)) in GENERAL_BRANCHES.iter().enumerate() {
        let before = GENERAL_BRANCHES
            .iter()
            .take(position + 1)
            .filter(|(c, ..)| *c == number);
        rows.push(row(
            general_branch(position),
            format!("HC-{number:02}-{:02}", before.count()),
            synthetic(&format!("{}党总支", unit_name(number, domain, unit))),
            OrganizationKind::GeneralBranch,
            Some(committee(number)),
        ));
    }
    // Two general branches have changed hands; every count goes by where they stand now.
    let moves = [(3, 1, 2, date(2021, 4, 1)), (12, 11, 8, date(2020, 10, 12))];
    let moves = moves.iter().zip(1..);
    let moves = moves.map(|(&(position, from, to, effective_on), id)| OrganizationMoveRow {
        id,
        organization_id: general_branch(position),
        from_parent_id: committee(from),
        to_parent_id: committee(to),
        effective_on,
    });
    (rows, moves.collect())
}
