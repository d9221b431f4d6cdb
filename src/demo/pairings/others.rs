//! Pairings that are not counted: proposals, those that never began or broke off, and the year before's.

use chrono::NaiveDate;

use super::{Pairings, Plan};
use crate::{
    demo::{
        dice::{date, plus_days},
        gold::Gold,
    },
    kernel::id::BranchId,
    pairing::{PairingBasis, PairingState},
};

impl Pairings<'_> {
    /// Proposals that wait for a branch, a committee or the district.
    pub(super) fn proposed(&mut self, gold: &Gold) {
        let showcase = BranchId(1);
        let same_domain = |id: &&BranchId| {
            let domain = |id| self.branches.get(id).map(|row| row.domain);
            **id != showcase && domain(*id) == domain(&showcase)
        };
        let asking = gold.standing.iter().find(same_domain).copied();
        if let Some(lead) = asking {
            let mut partners = self.partners(PairingBasis::SameDomain, &[lead], 1);
            partners.push(showcase);
            self.propose(
                PairingBasis::SameDomain,
                lead,
                partners,
                2022,
                date(2022, 12, 20),
                1,
            );
        }
        let gold_at = |place: usize| gold.standing.get(place).copied().unwrap_or(showcase);
        for (basis, lead, count, year, starts_on, waiting) in [
            (
                PairingBasis::SameAffiliation,
                showcase,
                2,
                2022,
                date(2022, 12, 26),
                0,
            ),
            (
                PairingBasis::SameAffiliation,
                gold_at(3),
                3,
                2022,
                date(2022, 12, 28),
                1,
            ),
            (
                PairingBasis::CrossDomain,
                gold_at(10),
                3,
                2023,
                date(2023, 1, 3),
                0,
            ),
            (
                PairingBasis::SameDomain,
                gold_at(12),
                2,
                2023,
                date(2023, 1, 5),
                2,
            ),
        ] {
            let partners = self.partners(basis, &[lead], count);
            self.propose(basis, lead, partners, year, starts_on, waiting);
        }
    }

    fn propose(
        &mut self,
        basis: PairingBasis,
        lead: BranchId,
        partners: Vec<BranchId>,
        year: i32,
        starts_on: NaiveDate,
        waiting: usize,
    ) {
        self.begin(Plan {
            basis,
            leads: vec![lead],
            partners,
            year,
            state: PairingState::Proposed,
            starts_on,
            ends_on: Some(date(2023, 12, 31)),
            end_reason: None,
            waiting,
        });
    }

    pub(super) fn broken_off(&mut self, gold: &Gold) {
        for (nth, &lead) in gold.standing.iter().skip(20).take(7).enumerate() {
            let rejected = nth < 4;
            let basis = if nth % 2 == 0 {
                PairingBasis::SameDomain
            } else {
                PairingBasis::CrossDomain
            };
            let partners = self.partners(basis, &[lead], 3);
            self.begin(Plan {
                basis,
                leads: vec![lead],
                partners,
                year: 2022,
                state: if rejected {
                    PairingState::Rejected
                } else {
                    PairingState::Terminated
                },
                starts_on: plus_days(date(2022, 7, 4), nth as u64 * 9),
                ends_on: (!rejected).then_some(date(2022, 10, 8 + nth as u32)),
                end_reason: Some(if rejected {
                    "对方支部已有结对任务"
                } else {
                    "机构调整，结对终止"
                }),
                waiting: usize::from(rejected),
            });
        }
    }

    /// Led by those who were gold then.
    pub(super) fn of_the_year_before(&mut self, gold: &Gold) {
        self.candidates.retain(|row| row.founded_on < date(2021, 3, 1));
        for (nth, &lead) in gold.lost.iter().enumerate() {
            let partners = self.partners(PairingBasis::SameDomain, &[lead], 4);
            let terminated = nth == 4;
            self.begin(Plan {
                basis: PairingBasis::SameDomain,
                leads: vec![lead],
                partners,
                year: 2021,
                state: if terminated {
                    PairingState::Terminated
                } else {
                    PairingState::Completed
                },
                starts_on: date(2021, 4, 1),
                ends_on: Some(date(2021, if terminated { 9 } else { 12 }, 20)),
                end_reason: terminated.then_some("牵头支部任务调整"),
                waiting: 0,
            });
        }
    }
}
