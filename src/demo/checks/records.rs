//! What is recorded of a branch by a day, as far as items are computed from it.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::{
    branch::model::MAX_SUCCESSIONS,
    demo::{
        District, campaign, health,
        rows::{BranchRow, PairingRow, TermRow},
    },
    health_check::computed::{Computed, Records, Source, compute},
    kernel::{clock::day_in_shanghai, id::BranchId, rules::Rules},
    pairing::PairingState,
    points::Activity,
    rectification::Rectification,
    simulate::Deed,
};

/// Everything that items are computed from, by branch.
pub(in crate::demo) struct Ledger<'a> {
    terms: HashMap<BranchId, Vec<&'a TermRow>>,
    pairings: HashMap<BranchId, Vec<&'a PairingRow>>,
    held: HashMap<BranchId, HashMap<Activity, Vec<NaiveDate>>>,
    pub rules: Rules,
}

impl<'a> Ledger<'a> {
    pub fn new(district: &'a District, deeds: &HashMap<BranchId, Vec<Deed>>) -> Self {
        let mut terms: HashMap<BranchId, Vec<&TermRow>> = HashMap::new();
        for row in &district.terms {
            terms.entry(row.branch_id).or_default().push(row);
        }
        let mut pairings: HashMap<BranchId, Vec<&PairingRow>> = HashMap::new();
        for row in &district.pairings {
            for member in row.members.iter().filter(|member| member.left_on.is_none()) {
                pairings.entry(member.branch_id).or_default().push(row);
            }
        }
        let successors: HashMap<BranchId, BranchId> = district
            .branches
            .iter()
            .filter_map(|row| Some((row.id, row.successor_id?)))
            .collect();
        let mut held: HashMap<BranchId, HashMap<Activity, Vec<NaiveDate>>> = HashMap::new();
        for (&branch, deeds) in deeds {
            // As its points do, what a merged branch held counts for those it was merged into.
            let heirs = std::iter::successors(Some(&branch), |branch| successors.get(branch));
            for &branch in heirs.take(MAX_SUCCESSIONS) {
                let days = held.entry(branch).or_default();
                for deed in deeds {
                    days.entry(deed.activity)
                        .or_default()
                        .push(day_in_shanghai(deed.at));
                }
            }
        }
        Self {
            terms,
            pairings,
            held,
            rules: Rules::default(),
        }
    }

    /// What is recorded by a day; `found` is what was to be put right, of this branch.
    pub fn records<'r>(
        &self,
        branch: &BranchRow,
        on: NaiveDate,
        found: impl IntoIterator<Item = &'r Rectification>,
    ) -> Records {
        let mut terms = self.terms.get(&branch.id).into_iter().flatten();
        let term = terms.rfind(|term| term.elected_on <= on);
        let pairings = self.pairings.get(&branch.id).into_iter().flatten();
        let active: Vec<&PairingRow> = pairings.copied().filter(|row| was_active(row, on)).collect();
        let activities = active.iter().flat_map(|row| &row.activities);
        let mut records = Records {
            founded_on: branch.founded_on,
            member_count: branch.member_count,
            term_ends_on: term.map(|term| term.extended_to.unwrap_or(term.ends_on)),
            held: self.held.get(&branch.id).cloned().unwrap_or_default(),
            paired_since: active.iter().map(|row| row.starts_on).min(),
            paired: activities
                .filter(|activity| activity.branches.contains(&branch.id) && activity.held_on <= on)
                .map(|activity| activity.held_on)
                .collect(),
            has_no_groups: !health::has_groups(branch),
            ..Records::default()
        };
        for row in found {
            let closed_on = row.closed_on.filter(|day| *day <= on);
            // What is due today and still open is not late yet.
            let is_due = closed_on.is_some() || row.due_on < on;
            if is_due && (campaign::FROM..=on.min(campaign::TO)).contains(&row.due_on) {
                records.due += 1;
                records.closed_in_time += u32::from(closed_on.is_some_and(|day| day <= row.due_on));
            }
            records.red += u32::from(closed_on.is_none() && row.due_on < on && row.raised_on <= on);
        }
        records
    }

    /// What an item comes to by these records.
    pub fn compute(&self, source: Source, records: &Records, on: NaiveDate) -> Computed {
        compute(source, records, (campaign::FROM, campaign::TO), on, &self.rules)
    }
}

/// Whether a pairing was under way on a day.
fn was_active(row: &PairingRow, on: NaiveDate) -> bool {
    let begun = !matches!(row.state, PairingState::Proposed | PairingState::Rejected);
    let goes_on = row.state == PairingState::Active || row.ends_on.is_some_and(|ends_on| ends_on > on);
    begun && goes_on && row.starts_on <= on
}
