//! Branches that go on: 819 over seven domains, and seven temporary ones.

use super::{
    BUSINESS_DATE, FIGURES_FROM,
    dice::{Dice, Subject, date, minus_days},
    names::{TASKS, branches_a_unit, ordinal, synthetic, unit},
    organizations::{above, committee},
    rows::BranchRow,
};
use crate::{
    branch::{BranchForm, BranchStatus, Domain},
    kernel::{
        id::{BranchId, OrganizationId},
        text::search_text,
    },
};

/// How many branches of a domain stand below a committee, by its number.
const SPREAD: [(usize, Domain, usize); 25] = [
    (1, Domain::Rural, 24),
    (1, Domain::Community, 52),
    (1, Domain::Government, 5),
    (2, Domain::Rural, 28),
    (2, Domain::Community, 44),
    (2, Domain::Government, 5),
    (2, Domain::NonPublic, 16),
    (3, Domain::Rural, 16),
    (3, Domain::Community, 56),
    (3, Domain::Government, 5),
    (4, Domain::Rural, 64),
    (4, Domain::Community, 16),
    (4, Domain::Government, 5),
    (5, Domain::Government, 70),
    (6, Domain::PublicInstitution, 62),
    (7, Domain::PublicInstitution, 44),
    (8, Domain::StateOwned, 62),
    (9, Domain::NonPublic, 60),
    (9, Domain::SocialOrg, 25),
    (10, Domain::NonPublic, 46),
    (10, Domain::SocialOrg, 8),
    (11, Domain::PublicInstitution, 20),
    (11, Domain::StateOwned, 22),
    (12, Domain::Government, 28),
    (13, Domain::NonPublic, 36),
];

/// How many of a domain were founded in the window. Temporary ones are not among them.
const FOUNDED: [(Domain, usize); 7] = [
    (Domain::Rural, 6),
    (Domain::Community, 17),
    (Domain::Government, 6),
    (Domain::PublicInstitution, 8),
    (Domain::StateOwned, 7),
    (Domain::NonPublic, 38),
    (Domain::SocialOrg, 9),
];

/// Branches that are looked at first come first: the committee and domain whose first branch each is.
/// HC-0001 to HC-0003 bear the brands of the report (邻里医生, 市政110, 远海红).
const FIRST: [(usize, Domain); 4] = [
    (7, Domain::PublicInstitution),
    (11, Domain::StateOwned),
    (8, Domain::StateOwned),
    (1, Domain::Community),
];

/// A branch before it has a code.
struct Draft {
    committee: usize,
    domain: Domain,
    place: usize,
    name: String,
    joint: bool,
    organization_id: OrganizationId,
}

pub(super) fn code(number: i64) -> String {
    format!("HC-{number:04}")
}

/// An office line of the district.
pub(super) fn office_line(dice: &mut Dice) -> String {
    format!("0592-6{:06}", dice.number(0, 999_999))
}

pub(super) fn build() -> Vec<BranchRow> {
    let mut dice = Dice::new(Subject::Branches);
    let mut drafts = drafts(&mut dice);
    // Stable: the others stay by committee and domain.
    drafts.sort_by_key(|draft| {
        FIRST
            .iter()
            .position(|&first| first == (draft.committee, draft.domain) && draft.place == 0)
            .unwrap_or(FIRST.len())
    });
    let mut rows: Vec<BranchRow> = drafts
        .into_iter()
        .zip(1..)
        .map(|(draft, number)| {
            let founded_on = match draft.domain.term_years() {
                5 => dice.day(date(1985, 7, 1), date(2012, 6, 30)),
                _ => dice.day(date(1990, 1, 1), date(2015, 12, 31)),
            };
            let form = if draft.joint {
                BranchForm::Joint
            } else {
                BranchForm::Single
            };
            row(&mut dice, number, draft, form, founded_on)
        })
        .collect();
    found_in_window(&mut dice, &mut rows);
    add_temporary(&mut dice, &mut rows);
    rows
}

fn row(
    dice: &mut Dice,
    number: i64,
    draft: Draft,
    form: BranchForm,
    founded_on: chrono::NaiveDate,
) -> BranchRow {
    let code = code(number);
    // A few are larger than usual: a warning, never an error.
    let member_count = if number > 4 && dice.percent(2) {
        dice.number(51, 78)
    } else if dice.percent(30) {
        dice.number(3, 9)
    } else {
        dice.number(7, 48)
    };
    let updated_on = dice.day(date(2022, 12, 1), minus_days(BUSINESS_DATE, 1));
    BranchRow {
        id: BranchId(number),
        search_text: search_text(&draft.name, &code),
        code,
        name: draft.name,
        domain: draft.domain,
        form,
        status: BranchStatus::Active,
        organization_id: draft.organization_id,
        committee_id: committee(draft.committee),
        founded_on,
        ended_on: None,
        successor_id: None,
        member_count,
        contact_phone: office_line(dice),
        term_ends_on: None,
        updated_at: dice.instant(updated_on),
    }
}

/// The name of a village, bureau, school or company by its place among those of a committee and domain.
pub(super) fn unit_name(number: usize, domain: Domain, place: usize) -> String {
    let before: usize = SPREAD
        .iter()
        .take_while(|&&(committee, d, _)| (committee, d) != (number, domain))
        .filter(|&&(_, d, _)| d == domain)
        .map(|&(committee, d, count)| count.div_ceil(branches_a_unit(d, committee)))
        .sum();
    unit(domain, number, place, before + place)
}

fn drafts(dice: &mut Dice) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (number, domain, count) in SPREAD {
        let size = branches_a_unit(domain, number);
        for place in 0..count {
            let unit = unit_name(number, domain, place / size);
            // What has a branch of its own has one; a joint one stands for several small ones.
            let joint = matches!(domain, Domain::NonPublic | Domain::SocialOrg) && dice.percent(20);
            let name = match (size, joint) {
                (1, true) => format!("{unit}联合党支部"),
                (1, false) => format!("{unit}党支部"),
                _ => format!("{unit}{}党支部", ordinal(place % size + 1)),
            };
            drafts.push(Draft {
                committee: number,
                domain,
                place,
                name: synthetic(&name),
                joint,
                organization_id: above(number, domain, place / size),
            });
        }
    }
    drafts
}

/// Moves the founding of some of each domain into the window; its first and last day are both in it.
fn found_in_window(dice: &mut Dice, rows: &mut [BranchRow]) {
    for (domain, count) in FOUNDED {
        let mut places: Vec<usize> = rows
            .iter()
            .enumerate()
            .skip(FIRST.len())
            .filter(|(_, row)| row.domain == domain)
            .map(|(place, _)| place)
            .collect();
        dice.shuffle(&mut places);
        for (nth, &place) in places.iter().take(count).enumerate() {
            let day = match (domain, nth) {
                (Domain::NonPublic, 0) => FIGURES_FROM,
                (Domain::NonPublic, 1) => BUSINESS_DATE,
                _ => dice.day(FIGURES_FROM, date(2022, 12, 20)),
            };
            if let Some(row) = rows.get_mut(place) {
                row.founded_on = day;
            }
        }
    }
}

fn add_temporary(dice: &mut Dice, rows: &mut Vec<BranchRow>) {
    let homes = [1, 3, 5, 12, 7, 11, 10];
    for ((domain, task), number) in TASKS.into_iter().zip(homes) {
        let draft = Draft {
            committee: number,
            domain,
            place: 0,
            name: synthetic(&format!("{task}临时党支部")),
            joint: false,
            organization_id: committee(number),
        };
        let founded_on = dice.day(date(2022, 1, 10), date(2022, 11, 30));
        let id = rows.len() as i64 + 1;
        rows.push(row(dice, id, draft, BranchForm::Temporary, founded_on));
    }
}
