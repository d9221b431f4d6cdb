//! Rectifications (问题整改): problems that were found, prescribed for (开方), put right, checked and closed (销号).
//!
//! OPEN → ASSIGNED → SUBMITTED → CLOSED; a committee returns what is not good enough and reopens what is not good any more,
//! the district alone waives (docs/domain.md, 15). Who submitted one never closes it. Rectifications are seen in scope of
//! their branch; how many are open everybody sees. What a step sets off above, and which check a finding belongs to, are
//! functions that `app.rs` hands in ([`RectificationHooks`]).
//!
//! Every step holds the row of the branch first and the rectification's after it; so do the merger and the dissolution of a
//! branch, which are [`branch_ended`].

pub mod assign;
mod branch_ended;
pub mod close;
pub mod daily;
mod finding;
pub mod graphql;
mod hooks;
pub mod model;
mod raise;
pub mod raise_finding;
mod record;
pub mod review;
mod step;
mod store;
pub mod with_note;

pub use branch_ended::branch_ended;
pub use finding::{Finding, ItemsOf};
pub use hooks::{CheckOf, OpenCheck, RectificationHooks, RectificationMoved};
pub use model::{OpenItem, RectificationOrigin, RectificationState, Severity, SupportMeans, days_on};
pub use raise::Raise;
pub use record::Rectification;
pub use store::{
    by_ids,
    of_branch::{InTime, closed_in_time, latest_of_items, open_item_codes},
    of_check::{open_items, with_open_majors},
    todo::{waiting_for_closing, waiting_for_review, waiting_for_submission},
};
