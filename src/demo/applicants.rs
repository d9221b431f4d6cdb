//! Who applies for gold: the 52 that were awarded, and 74 others. What branches did in the year follows it: who applies is
//! high in points.

use std::collections::HashSet;

use chrono::{Datelike as _, NaiveDate};

use super::{
    District,
    dice::{Dice, Subject, date},
    health,
};
use crate::{
    branch::Domain,
    brand::BrandState,
    kernel::{clock::day_in_shanghai, id::BranchId},
};

/// Applicants of each domain that were not awarded.
const OTHERS: [(Domain, usize); 7] = [
    (Domain::Rural, 12),
    (Domain::Community, 16),
    (Domain::Government, 10),
    (Domain::PublicInstitution, 11),
    (Domain::StateOwned, 7),
    (Domain::NonPublic, 15),
    (Domain::SocialOrg, 3),
];

/// The last day on which an applicant's brand was published, before the first of them applied.
const BRANDED_BY: NaiveDate = date(health::YEAR, 4, 29);

/// The applicants: those that bear a title, by the number of the title, and then the others.
pub fn choose(district: &District) -> Vec<BranchId> {
    let mut dice = Dice::new(Subject::Applicants);
    let standing = district
        .gold_titles
        .iter()
        .filter(|title| title.revoked_on.is_none());
    let mut applicants: Vec<BranchId> = standing.map(|title| title.branch_id).collect();
    let bore: HashSet<BranchId> = district.gold_titles.iter().map(|title| title.branch_id).collect();
    let fails: HashSet<BranchId> = health::failing(district)
        .iter()
        .map(|failing| failing.branch_id)
        .collect();
    let branded: HashSet<BranchId> = district
        .brands
        .iter()
        .filter(|row| row.state == BrandState::Published)
        .filter(|row| {
            row.published_at
                .is_some_and(|at| day_in_shanghai(at) <= BRANDED_BY)
        })
        .map(|row| row.branch_id)
        .collect();
    // Whoever elected late in the year had failed until then.
    let late: HashSet<BranchId> = district
        .terms
        .iter()
        .filter(|term| term.on_time == Some(false) && term.elected_on.year() == health::YEAR)
        .map(|term| term.branch_id)
        .collect();
    for (domain, count) in OTHERS {
        let mut of_domain: Vec<BranchId> = district
            .branches
            .iter()
            .filter(|row| {
                row.is_regular() && row.domain == domain && row.founded_on < date(health::YEAR - 1, 12, 1)
            })
            .map(|row| row.id)
            .filter(|id| branded.contains(id) && !bore.contains(id))
            .filter(|id| !fails.contains(id) && !late.contains(id))
            .collect();
        dice.shuffle(&mut of_domain);
        applicants.extend(of_domain.into_iter().take(count));
    }
    applicants
}
