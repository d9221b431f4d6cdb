//! The demonstration district: a district of 826 branches that does not exist, whose figures are those that were
//! published of one that does.
//!
//! Deterministic: the same rows byte for byte, on every machine and on both databases. Synthetic: only the
//! organizations and brands that the reports name bear real names, every other name ends in （演示）. The figures
//! are nowhere written down to be shown; they come out of the rows, among which stand others that a wrong query
//! would count: late elections, branches that are no more, members' trainings, records outside the window, titles
//! that were revoked, pairings of other years or that never began.
//!
//! [`build`] makes the rows in memory, one subject a file; [`load`] writes them.

mod activities;
pub mod applicants;
mod branches;
mod brands;
mod campaign;
mod changes;
mod checks;
pub(crate) mod dice;
mod ended;
mod gold;
mod headcounts;
pub mod health;
mod names;
mod organizations;
mod pairings;
mod rectifications;
pub mod rows;
mod selection;
mod sites;
mod store;
mod terms;
mod training;

#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use rows::{
    AliasRow, ApplicationRow, BranchMoveRow, BranchRow, BrandRow, CheckRow, ExaminerRow, GoldTitleRow,
    HeadcountRow, OrganizationMoveRow, OrganizationRow, PairingRow, RectificationRow, SiteRow, TermRow,
    TrainingRow,
};
pub use store::load;

use checks::records::Ledger;

use crate::{
    campaign::{Campaign, CheckItem, GoldPlan},
    gold::Veto,
    simulate,
    training::ParticipantKey,
};

/// The one seed of all chance here.
pub const SEED: u64 = 20_200_701;

/// Where the district's business date stands still; table `setting`, `business_date`.
pub const BUSINESS_DATE: NaiveDate = match NaiveDate::from_ymd_opt(2022, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MIN,
};
/// From when on the figures count what was founded, elected and trained; table `setting`, `figures_from`.
pub const FIGURES_FROM: NaiveDate = match NaiveDate::from_ymd_opt(2020, 7, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Code of the branch that examples show: gold, with the brand 邻里医生, two terms, active pairings, trainings,
/// and something to do.
pub const SHOWCASE_BRANCH: &str = "HC-0001";
/// Code of the committee above it, which has something to approve and to publish.
pub const SHOWCASE_COMMITTEE: &str = "HC-07";
/// Codes of the branches whose term has run out without an election. Their checks fail.
pub const OVERDUE: [&str; 8] = [
    "HC-0418", "HC-0446", "HC-0465", "HC-0550", "HC-0730", "HC-0756", "HC-0779", "HC-0803",
];

/// Code of the one source of points, the platform that the simulator stands in for.
pub const SOURCE: &str = "EJIA";
/// Its name.
pub const SOURCE_NAME: &str = "厦门党建e家（演示）";

/// All rows of the district.
#[derive(Clone, Debug, PartialEq)]
pub struct District {
    /// Parents before children.
    pub organizations: Vec<OrganizationRow>,
    /// Moves of organizations.
    pub organization_moves: Vec<OrganizationMoveRow>,
    /// Those that go on, then those that have ended.
    pub branches: Vec<BranchRow>,
    /// Terms, each branch's in their order.
    pub terms: Vec<TermRow>,
    /// Codes by which branches are or were known.
    pub aliases: Vec<AliasRow>,
    /// Moves of branches.
    pub branch_moves: Vec<BranchMoveRow>,
    /// Titles that stand, and revoked ones.
    pub gold_titles: Vec<GoldTitleRow>,
    /// Brands with their themes and stories.
    pub brands: Vec<BrandRow>,
    /// Sites of every kind.
    pub sites: Vec<SiteRow>,
    /// Training records with their branches and participants.
    pub trainings: Vec<TrainingRow>,
    /// Pairings with their members and activities.
    pub pairings: Vec<PairingRow>,
    /// Head counts, all that were ever reported.
    pub headcounts: Vec<HeadcountRow>,
    /// The items of the template that checks follow.
    pub template: Vec<CheckItem>,
    /// The year's campaign.
    pub campaign: Campaign,
    /// Its plan for gold branches.
    pub gold_plan: GoldPlan,
    /// Whoever examines.
    pub examiners: Vec<ExaminerRow>,
    /// Health checks with their results and visits.
    pub checks: Vec<CheckRow>,
    /// What was to be put right, with its steps.
    pub rectifications: Vec<RectificationRow>,
    /// Applications for gold with their steps.
    pub applications: Vec<ApplicationRow>,
    /// Vetoes, open and lifted.
    pub vetoes: Vec<Veto>,
}

impl District {
    /// Rows of all tables together; what a loading's progress is measured by.
    pub fn row_count(&self) -> u64 {
        let brands = self
            .brands
            .iter()
            .map(|row| 1 + row.themes.len() + row.stories.len());
        let trainings = self
            .trainings
            .iter()
            .map(|row| 1 + row.branches.len() + row.participants.len());
        let activities = self.pairings.iter().flat_map(|row| &row.activities);
        let rows = self.organizations.len()
            + organizations::closure(&self.organizations).len()
            + self.organization_moves.len()
            + self.headcounts.len()
            + self.sites.len()
            + self.branches.len()
            + self.terms.len()
            + self.aliases.len()
            + self.branch_moves.len()
            + self.gold_titles.len()
            + brands.sum::<usize>()
            + trainings.sum::<usize>()
            + self
                .pairings
                .iter()
                .map(|row| 1 + row.members.len())
                .sum::<usize>()
            + activities.map(|row| 1 + row.branches.len()).sum::<usize>()
            + self.rows_of_the_campaign();
        // And the two settings.
        rows as u64 + 2
    }

    /// Rows of the template, the campaign, and everything that belongs to it.
    fn rows_of_the_campaign(&self) -> usize {
        let checks = self
            .checks
            .iter()
            .map(|row| 1 + row.results.len() + row.visits.len() + row.examiners.len());
        let rectifications = self.rectifications.iter().map(|row| 1 + row.steps.len());
        let applications = self.applications.iter().map(|row| 1 + row.steps.len());
        // The template and the campaign are a row each.
        2 + self.template.len()
            + self.gold_plan.minimums.len()
            + self.examiners.len()
            + checks.sum::<usize>()
            + rectifications.sum::<usize>()
            + applications.sum::<usize>()
            + self.vetoes.len()
    }
}

/// Builds the district. `participant_key` is the one that participants of trainings are hashed under.
pub fn build(participant_key: &ParticipantKey) -> District {
    let (organizations, organization_moves) = organizations::build();
    let mut active = branches::build();
    let mut ended = ended::build(&active);
    let terms = terms::build(&mut active, &mut ended);
    let aliases = ended::aliases(&active, &ended);
    let branch_moves = ended::moves(&active);
    let gold = gold::build(&active, &ended);
    let brands = brands::build(&active, &ended, &gold);
    let pairings = pairings::build(&active, &ended, &gold);
    let sites = sites::build();
    let mut branches = active;
    branches.extend(ended);
    let trainings = training::build(participant_key, &branches, &sites);
    let (campaign, gold_plan) = campaign::build();
    let mut district = District {
        organizations,
        organization_moves,
        branches,
        terms,
        aliases,
        branch_moves,
        gold_titles: gold.titles,
        brands,
        sites,
        trainings,
        pairings,
        headcounts: headcounts::build(),
        template: campaign::items(),
        campaign,
        gold_plan,
        examiners: checks::examiners(),
        checks: Vec::new(),
        rectifications: Vec::new(),
        applications: Vec::new(),
        vetoes: Vec::new(),
    };
    // What was found follows what branches did, which follows who is to pass, and who applies for gold.
    let deeds = simulate::deeds(&district);
    let ledger = Ledger::new(&district, &deeds);
    let (checks, rectifications) = checks::build(&district, &ledger);
    district.checks = checks;
    district.rectifications = rectifications;
    let (applications, vetoes) = selection::build(&district, &deeds);
    district.applications = applications;
    district.vetoes = vetoes;
    district
}
