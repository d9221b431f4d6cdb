//! Numbers in the domain's rules that a deployment may set (`[domain]` of the configuration).

/// What each of them decides stands in docs/domain.md, 2, 3 and 6.
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
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            due_soon_months: 6,
            max_active_pairings: 3,
            minimum_members: 3,
            usual_members: 50,
        }
    }
}
