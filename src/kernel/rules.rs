//! Numbers in the domain's rules that are our defaults, not public rules; a deployment may set them.

/// The defaults of DOMAIN that are marked D, as far as a configuration can set them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A term is due soon within so many months of its end.
    pub due_soon_months: u32,
    /// Active pairings a branch may be in.
    pub max_active_pairings: u32,
    /// Full members that a single branch needs to be founded.
    pub minimum_members: i32,
    /// Members beyond which a branch is unusually large: a warning, never an error.
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
