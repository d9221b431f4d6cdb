//! Gold titles: 52 that stand, and earlier ones that were revoked.

use super::{
    BUSINESS_DATE, FIGURES_FROM,
    dice::{Dice, Subject, date},
    rows::{BranchRow, GoldTitleRow},
};
use crate::{branch::Domain, kernel::id::BranchId};

/// Gold branches of each domain.
const GOLD: [(Domain, usize); 7] = [
    (Domain::Rural, 8),
    (Domain::Community, 11),
    (Domain::Government, 8),
    (Domain::PublicInstitution, 8),
    (Domain::StateOwned, 5),
    (Domain::NonPublic, 10),
    (Domain::SocialOrg, 2),
];

/// The day the year's titles were awarded: the day before the year's pairings began, which gold branches lead.
pub(super) fn awarded_on() -> chrono::NaiveDate {
    date(2022, 6, 30)
}

/// The titles, and the branches they name.
pub(super) struct Gold {
    pub titles: Vec<GoldTitleRow>,
    /// The 52, the first four of the district first.
    pub standing: Vec<BranchId>,
    /// Branches that bore a title from 2021 on and lost it in 2022; the last of them only in November, while it
    /// led a pairing.
    pub lost: Vec<BranchId>,
}

pub(super) fn build(active: &[BranchRow], ended: &[BranchRow]) -> Gold {
    let mut dice = Dice::new(Subject::Gold);
    let mut standing: Vec<BranchId> = Vec::new();
    let mut spare: Vec<BranchId> = Vec::new();
    for (domain, count) in GOLD {
        // A branch whose term is overdue does not pass its check.
        let mut candidates: Vec<BranchId> = active
            .iter()
            .filter(|row| row.is_regular() && row.domain == domain && row.founded_on < FIGURES_FROM)
            .filter(|row| row.term_ends_on.is_some_and(|end| end >= BUSINESS_DATE))
            .map(|row| row.id)
            .collect();
        let shown = candidates.iter().take_while(|id| id.0 <= 4).count();
        let mut rest = candidates.split_off(shown);
        dice.shuffle(&mut rest);
        candidates.extend(rest);
        standing.extend(candidates.iter().take(count));
        spare.extend(candidates.iter().skip(count).take(1));
    }
    dice.shuffle(&mut standing);
    standing.sort_by_key(|id| id.0.min(5));

    let mut titles: Vec<GoldTitleRow> = Vec::new();
    let mut push = |branch_id, awarded_on, revoked_on| {
        let id = titles.len() as i64 + 1;
        titles.push(GoldTitleRow {
            id,
            branch_id,
            awarded_on,
            revoked_on,
        });
    };
    let first_awarded = date(2021, 3, 31);
    let lost: Vec<BranchId> = spare.into_iter().take(6).collect();
    for (nth, &branch) in lost.iter().enumerate() {
        let revoked_on = if nth + 1 == lost.len() {
            date(2022, 11, 20)
        } else {
            dice.day(date(2022, 1, 10), date(2022, 5, 31))
        };
        push(branch, first_awarded, Some(revoked_on));
    }
    // Two lost it by ending, one got it back.
    for branch in ended.iter().filter(|row| row.founded_on < FIGURES_FROM).take(2) {
        push(branch.id, first_awarded, branch.ended_on);
    }
    if let Some(&again) = standing.last() {
        push(again, first_awarded, Some(date(2021, 12, 31)));
    }
    for &branch in &standing {
        push(branch, awarded_on(), None);
    }
    Gold {
        titles,
        standing,
        lost,
    }
}
