//! Pairings (结对共建): gold branches (金牌支部) and others learn from and help each other, 1+N or N+N, by field
//! (领域区分) or by affiliation (隶属关系), or across fields (跨领域).
//!
//! PROPOSED becomes ACTIVE at the moment when every member has accepted and the committee of all (or the
//! district, when they span committees) has approved, in whichever order; then it is COMPLETED or
//! TERMINATED. A proposal that one of them rejects is REJECTED. What a member's merger or dissolution does
//! to its pairings is [`branch_ended`], a function that `app.rs` hands to the branch slice.
//!
//! Every step that can make a pairing ACTIVE holds the rows of all member branches first, in the order of
//! their ids, and the pairing's own row after them; so does the merger of a branch.

pub mod accept;
pub mod activity;
pub mod approve;
mod branch_ended;
pub mod complete;
pub mod graphql;
mod lead;
mod members;
pub mod model;
pub mod propose;
pub mod reject;
mod step;
mod store;
pub mod terminate;

pub use branch_ended::branch_ended;
pub use lead::gold_moved;
pub use model::{Member, Pairing, PairingActivity, PairingBasis, PairingForm, PairingRole, PairingState};
pub use store::{
    activity::{Participation, participation},
    by_ids,
    todo::{waiting_for_acceptance, waiting_for_approval},
};
