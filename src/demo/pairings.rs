//! Pairings: 44 of the year over 216 branches; others of the year that never began or broke off, and the
//! year before's.

mod others;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::{
    BUSINESS_DATE,
    activities::Activities,
    dice::{Dice, Subject, date, instant, minus_days},
    gold::Gold,
    names::synthetic,
    rows::{ActivityRow, BranchRow, MemberRow, PairingRow},
};
use crate::{
    branch::BranchForm,
    kernel::id::{BranchId, PairingId},
    pairing::{PairingBasis, PairingForm, PairingRole, PairingState},
};

const ONE_TO_MANY_COUNT: usize = 40;
/// Partners of the pairings, in turn: 160 over the forty.
const PARTNERS: [usize; 5] = [4, 4, 4, 3, 5];
/// Active pairings a branch may be in (`Rules::max_active_pairings` as it ships).
const MOST_ACTIVE: usize = 3;

/// What is to be paired.
struct Plan {
    basis: PairingBasis,
    leads: Vec<BranchId>,
    partners: Vec<BranchId>,
    year: i32,
    state: PairingState,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    end_reason: Option<&'static str>,
    /// Partners that have not answered a proposal, from the end.
    waiting: usize,
}

struct Pairings<'a> {
    dice: Dice,
    branches: HashMap<BranchId, &'a BranchRow>,
    /// Who may be asked to be a partner: neither gold nor gold before.
    candidates: Vec<&'a BranchRow>,
    used: HashSet<BranchId>,
    active: HashMap<BranchId, usize>,
    rows: Vec<PairingRow>,
    activities: Activities,
}

pub(super) fn build(active: &[BranchRow], ended: &[BranchRow], gold: &Gold) -> Vec<PairingRow> {
    let mut dice = Dice::new(Subject::Pairings);
    let bearers: HashSet<BranchId> = gold.standing.iter().chain(&gold.lost).copied().collect();
    let mut candidates: Vec<&BranchRow> = active
        .iter()
        .filter(|row| row.is_regular() && !bearers.contains(&row.id) && row.founded_on < date(2022, 6, 1))
        .collect();
    dice.shuffle(&mut candidates);
    let mut pairings = Pairings {
        dice,
        branches: active.iter().map(|row| (row.id, row)).collect(),
        candidates,
        used: HashSet::new(),
        active: HashMap::new(),
        rows: Vec::new(),
        activities: Activities::default(),
    };
    pairings.of_the_year(gold);
    pairings.one_left(ended);
    pairings.proposed(gold);
    pairings.broken_off(gold);
    pairings.of_the_year_before(gold);
    pairings.rows
}

impl Pairings<'_> {
    fn of_the_year(&mut self, gold: &Gold) {
        let starts_on = date(2022, 7, 1);
        for (nth, &lead) in gold.standing.iter().take(ONE_TO_MANY_COUNT).enumerate() {
            let basis = match nth % 3 {
                0 => PairingBasis::SameAffiliation,
                1 => PairingBasis::SameDomain,
                _ => PairingBasis::CrossDomain,
            };
            let count = PARTNERS.get(nth % PARTNERS.len()).copied().unwrap_or_default();
            let mut partners = self.partners(basis, &[lead], count);
            let completed = nth % 5 == 4;
            // Some take part in a second pairing, or a third.
            if nth > 20 && nth % 3 != 0 {
                partners.extend(self.once_more(basis, &[lead], &partners));
            }
            self.begin(Plan {
                basis,
                leads: vec![lead],
                partners,
                year: 2022,
                state: if completed {
                    PairingState::Completed
                } else {
                    PairingState::Active
                },
                starts_on,
                ends_on: if completed {
                    Some(date(2022, 12, 10 + (nth % 15) as u32))
                } else {
                    (nth % 2 == 0).then_some(date(2023, 6, 30))
                },
                end_reason: None,
                waiting: 0,
            });
        }
        let gold_at = |place: usize| gold.standing.get(place).copied().unwrap_or(BranchId(1));
        let domain_of = |id: BranchId| self.branches.get(&id).map(|row| row.domain);
        // Two gold branches of one domain, one of which leads another pairing already.
        let second = gold_at(41);
        let first = (4..ONE_TO_MANY_COUNT)
            .map(gold_at)
            .find(|&id| domain_of(id) == domain_of(second));
        let (first, basis) = match first {
            Some(first) => (first, PairingBasis::SameDomain),
            None => (gold_at(1), PairingBasis::CrossDomain),
        };
        let last = gold.lost.last().copied().unwrap_or_else(|| gold_at(43));
        for (basis, leads) in [
            (PairingBasis::CrossDomain, vec![gold_at(0), gold_at(40)]),
            (basis, vec![first, second]),
            (PairingBasis::CrossDomain, vec![gold_at(2), gold_at(42)]),
            // The second lead has lost its title since; the pairing goes on.
            (PairingBasis::CrossDomain, vec![gold_at(3), last]),
        ] {
            let partners = self.partners(basis, &leads, 3);
            self.begin(Plan {
                basis,
                leads,
                partners,
                year: 2022,
                state: PairingState::Active,
                starts_on,
                ends_on: Some(date(2023, 6, 30)),
                end_reason: None,
                waiting: 0,
            });
        }
    }

    /// A branch that was dissolved or merged while its pairing went on without it.
    fn one_left(&mut self, ended: &[BranchRow]) {
        let gone = ended.iter().find_map(|row| {
            let ended_on = row.ended_on.filter(|&day| day > date(2022, 7, 20))?;
            let joined = row.founded_on < date(2022, 6, 1) && row.form != BranchForm::Temporary;
            joined.then_some((row.id, ended_on))
        });
        let pairing = self
            .rows
            .iter_mut()
            .find(|row| row.basis == PairingBasis::CrossDomain && row.state == PairingState::Active);
        if let (Some((branch_id, ended_on)), Some(pairing)) = (gone, pairing) {
            pairing.members.push(MemberRow {
                branch_id,
                role: PairingRole::Partner,
                accepted_at: Some(instant(minus_days(pairing.starts_on, 1), 15 * 60)),
                left_on: Some(ended_on),
            });
        }
    }

    /// Partners that are in no pairing yet.
    fn partners(&mut self, basis: PairingBasis, leads: &[BranchId], count: usize) -> Vec<BranchId> {
        let leads: Vec<&BranchRow> = leads
            .iter()
            .filter_map(|id| self.branches.get(id).copied())
            .collect();
        let free = || {
            let used = &self.used;
            self.candidates
                .iter()
                .filter(move |row| !used.contains(&row.id))
                .filter(|row| suits(basis, &leads, row))
        };
        // Across domains: the first is of another than the lead's.
        let other = (basis == PairingBasis::CrossDomain)
            .then(|| free().find(|row| leads.iter().any(|lead| lead.domain != row.domain)))
            .flatten()
            .map(|row| row.id);
        let partners: Vec<BranchId> = other
            .into_iter()
            .chain(free().map(|row| row.id).filter(|&id| Some(id) != other))
            .take(count)
            .collect();
        self.used.extend(&partners);
        partners
    }

    /// One that is in an active pairing, and may be in another.
    fn once_more(&self, basis: PairingBasis, leads: &[BranchId], but: &[BranchId]) -> Option<BranchId> {
        let leads: Vec<&BranchRow> = leads
            .iter()
            .filter_map(|id| self.branches.get(id).copied())
            .collect();
        self.candidates
            .iter()
            .filter(|row| (1..MOST_ACTIVE).contains(&self.active.get(&row.id).copied().unwrap_or_default()))
            .filter(|row| !but.contains(&row.id) && suits(basis, &leads, row))
            .map(|row| row.id)
            .next()
    }

    fn begin(&mut self, plan: Plan) {
        let before = minus_days(plan.starts_on, 1).min(date(2022, 12, 30));
        let begun = plan.state != PairingState::Proposed && plan.state != PairingState::Rejected;
        let asked = plan.partners.len().saturating_sub(plan.waiting);
        let leads = plan.leads.iter().map(|&id| (id, PairingRole::Lead, true));
        let partners = plan
            .partners
            .iter()
            .enumerate()
            .map(|(nth, &id)| (id, PairingRole::Partner, nth < asked));
        let members: Vec<MemberRow> = leads
            .chain(partners)
            .map(|(branch_id, role, accepted)| MemberRow {
                branch_id,
                role,
                accepted_at: accepted.then(|| instant(before, 14 * 60 + branch_id.0 % 120)),
                left_on: None,
            })
            .collect();
        if plan.state == PairingState::Active {
            for member in &members {
                *self.active.entry(member.branch_id).or_default() += 1;
            }
        }
        let form = if plan.leads.len() > 1 {
            PairingForm::ManyToMany
        } else {
            PairingForm::OneToMany
        };
        let id = PairingId(self.rows.len() as i64 + 1);
        let title = match form {
            PairingForm::OneToMany => format!("“1+{}”结对共建第{}组", plan.partners.len(), id.0),
            _ => format!(
                "“{}+{}”结对共建第{}组",
                plan.leads.len(),
                plan.partners.len(),
                id.0
            ),
        };
        let goal = match plan.basis {
            PairingBasis::SameDomain => "同领域对标：以金牌支部带动后进，补齐组织生活短板。",
            PairingBasis::SameAffiliation => "同隶属帮带：共享阵地与师资，提升规范化水平。",
            _ => "跨领域互补：资源共享、服务共办、难题共解。",
        };
        let approved_at = begun.then(|| instant(before, 17 * 60 + 30));
        // A few never met: their branches have something to catch up on.
        let activities = if begun && id.0 % 12 != 11 {
            let until = plan.ends_on.unwrap_or(BUSINESS_DATE);
            self.activities
                .held(&mut self.dice, plan.starts_on, until, plan.leads.len(), &members)
        } else {
            Vec::new()
        };
        let updated_at = activities
            .last()
            .map(|activity: &ActivityRow| instant(activity.held_on, 18 * 60))
            .or(approved_at)
            .unwrap_or_else(|| instant(before, 16 * 60));
        self.rows.push(PairingRow {
            id,
            form,
            basis: plan.basis,
            title: synthetic(&title),
            goal: (id.0 % 7 != 6).then(|| goal.to_owned()),
            year: plan.year,
            state: plan.state,
            starts_on: plan.starts_on,
            ends_on: plan.ends_on,
            proposed_by_id: plan.leads.first().copied().unwrap_or(BranchId(1)),
            approved_at,
            end_reason: plan.end_reason.map(str::to_owned),
            updated_at,
            members,
            activities,
        });
    }
}

/// Whether a branch may be a partner of these leads on that basis.
fn suits(basis: PairingBasis, leads: &[&BranchRow], partner: &BranchRow) -> bool {
    leads.iter().all(|lead| match basis {
        PairingBasis::SameDomain => lead.domain == partner.domain,
        PairingBasis::SameAffiliation => lead.committee_id == partner.committee_id,
        _ => true,
    })
}
