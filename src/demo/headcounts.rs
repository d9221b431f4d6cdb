//! Head counts: the latest of each organization adds up to the district's figures, earlier ones do not.

use super::{
    dice::{Dice, Subject, date},
    organizations::{committee, committees},
    rows::HeadcountRow,
};
use crate::{kernel::id::HeadcountId, organization::model::HeadcountKind};

/// The latest counts of the district, and the committees that report them; none means all.
const TOTALS: [(HeadcountKind, i32, &[usize]); 6] = [
    (HeadcountKind::TwoCommittees, 372, &[1, 2, 3, 4]),
    (HeadcountKind::RisingStar, 102, &[]),
    (HeadcountKind::RuralWorker, 28, &[1, 2, 3, 4]),
    (HeadcountKind::NonPublicInstructor, 10, &[2, 9, 10, 13]),
    (HeadcountKind::AssignedOfficial, 412, &[]),
    (HeadcountKind::Volunteer, 161_384, &[]),
];

pub(super) fn build() -> Vec<HeadcountRow> {
    let mut dice = Dice::new(Subject::Headcounts);
    let mut rows = Vec::new();
    let mut push = |number, kind, count, as_of| {
        let id = HeadcountId(rows.len() as i64 + 1);
        rows.push(HeadcountRow {
            id,
            organization_id: committee(number),
            kind,
            count,
            as_of,
        });
    };
    for (kind, total, reporting) in TOTALS {
        let reporting: Vec<usize> = if reporting.is_empty() {
            committees().collect()
        } else {
            reporting.to_vec()
        };
        let mut left = total;
        let mut places = reporting.len() as i32;
        for (place, &number) in reporting.iter().enumerate() {
            let even = left / places.max(1);
            let count = if places == 1 {
                left
            } else {
                dice.number(even - even / 4, even + even / 4)
            };
            left -= count;
            places -= 1;
            push(number, kind, count * 3 / 4 + 1, date(2020, 12, 31));
            push(number, kind, count * 7 / 8 + 2, date(2021, 12, 31));
            // Most reported at the year's end; whose last report is older still counts with it.
            if place % 4 == 3 {
                push(number, kind, count, date(2022, 9, 30));
            } else {
                push(number, kind, count + 3, date(2022, 6, 30));
                push(number, kind, count, date(2022, 12, 31));
            }
        }
    }
    rows
}
