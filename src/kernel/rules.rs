//! Numbers in the domain's rules that a deployment may set (`[domain]` of the configuration).

use chrono::NaiveDate;

/// What each of them decides stands in docs/domain.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A term is due soon within so many months of its end: the rule of thumb the service holds.
    pub due_soon_months: u32,
    /// Active pairings a branch may be in: our default.
    pub max_active_pairings: u32,
    /// Full members that a single branch needs to be founded: the rule of thumb the service holds.
    pub minimum_members: i32,
    /// Members beyond which a branch is unusually large, never an error: the rule of thumb the service holds.
    pub usual_members: i32,
    /// A check passes with a regular score of so many points or more, of 100: our default.
    pub pass_regular_score: u32,
    /// And with a tailored score of so many points or more, of 20: our default.
    pub pass_tailored_score: u32,
    /// A tailored item is met from this score on, of 4: our default.
    pub tailored_met_score: u32,
    /// Below so many members a branch needs no committee (R-DEC-02): our default.
    pub committee_from_members: u32,
    /// So many percent of what is due are to be closed in time (R-BASE-06): our default.
    pub closed_in_time_percent: u32,
    /// What is raised by itself is due so many days on: our default.
    pub rectification_days: u32,
    /// What is closed is reviewed so many days on: our default.
    pub review_days: u32,
    /// A rectification is AMBER from so many days before it is due: our default.
    pub amber_days: u32,
    /// An aspect is strong from this score on, of 100: our default.
    pub strong_aspect: u32,
    /// The first day from which the board and the published figures count what was founded, elected and trained; that of the
    /// year where there is none. `organization.figures_from` of the configuration, unless the database has its own.
    pub figures_from: Option<NaiveDate>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            due_soon_months: 6,
            max_active_pairings: 3,
            minimum_members: 3,
            usual_members: 50,
            pass_regular_score: 85,
            pass_tailored_score: 12,
            tailored_met_score: 3,
            committee_from_members: 7,
            closed_in_time_percent: 90,
            rectification_days: 30,
            review_days: 90,
            amber_days: 7,
            strong_aspect: 90,
            figures_from: None,
        }
    }
}
