//! Where points of the year so far put a branch among those of its domain.

use std::collections::HashMap;

use chrono::{Datelike as _, NaiveDate};

use crate::{
    branch::{BranchForm, Domain},
    demo::{District, campaign, rows::BranchRow},
    gold::model::{PointsStanding, places},
    kernel::{clock::day_in_shanghai, id::BranchId},
    simulate::Deed,
};

/// What every branch earned in the year, day by day.
pub(super) struct Standings<'a> {
    by_domain: HashMap<Domain, Vec<&'a BranchRow>>,
    /// Branches that were merged into one.
    merged: HashMap<BranchId, Vec<&'a BranchRow>>,
    earned: HashMap<BranchId, Vec<(NaiveDate, i64)>>,
}

impl<'a> Standings<'a> {
    pub fn new(district: &'a District, deeds: &HashMap<BranchId, Vec<Deed>>) -> Self {
        let mut merged: HashMap<BranchId, Vec<&BranchRow>> = HashMap::new();
        for row in &district.branches {
            if let Some(successor) = row.successor_id {
                merged.entry(successor).or_default().push(row);
            }
        }
        let mut by_domain: HashMap<Domain, Vec<&BranchRow>> = HashMap::new();
        for row in district
            .branches
            .iter()
            .filter(|row| row.form != BranchForm::Temporary)
        {
            by_domain.entry(row.domain).or_default().push(row);
        }
        let year = campaign::FROM.year();
        let earned = deeds.iter().map(|(&id, deeds)| {
            let days = deeds
                .iter()
                .map(|deed| (day_in_shanghai(deed.at), deed.hundredths.into()));
            (
                id,
                days.filter(|(day, _): &(NaiveDate, i64)| day.year() == year)
                    .collect(),
            )
        });
        Self {
            by_domain,
            merged,
            earned: earned.collect(),
        }
    }

    /// How a branch stood on a day, among those that were there and had not ended.
    pub fn on(&self, branch: &BranchRow, on: NaiveDate) -> PointsStanding {
        let there = |row: &&&BranchRow| row.founded_on <= on && row.ended_on.is_none_or(|ended| ended > on);
        let of_domain = self.by_domain.get(&branch.domain).into_iter().flatten();
        let totals: Vec<i64> = of_domain.filter(there).map(|row| self.total(row, on)).collect();
        let own = self.total(branch, on);
        let of = i64::try_from(totals.len()).unwrap_or_default();
        let above = totals.iter().filter(|total| **total > own).count();
        PointsStanding {
            period: campaign::points_period().to_string(),
            rank: Some(i64::try_from(above).unwrap_or_default() + 1),
            of,
            percent: campaign::TOP_PERCENT,
            places: places(of, campaign::TOP_PERCENT),
        }
    }

    /// What a branch has by a day; what was merged into it counts from then on.
    fn total(&self, branch: &BranchRow, on: NaiveDate) -> i64 {
        let own = self.earned.get(&branch.id).into_iter().flatten();
        let own: i64 = own
            .filter(|(day, _)| *day <= on)
            .map(|(_, hundredths)| hundredths)
            .sum();
        let merged = self.merged.get(&branch.id).into_iter().flatten();
        let merged = merged.filter(|other| other.ended_on.is_some_and(|ended| ended <= on));
        own + merged.map(|other| self.total(other, on)).sum::<i64>()
    }
}
