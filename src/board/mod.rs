//! What the dashboards read across the slices: lists of branches with filters and orders that look at terms, gold titles and
//! pairings at once; the wall map (挂图作战), badges, published figures and suggested partners (docs/domain.md, 19).
//!
//! Reads only. Every list is one statement a page, and one more for its total where that is asked for, whatever the
//! number of organizations it is asked for; the board is one for each of its parts that is asked for, whatever the number of
//! branches.

pub mod badge;
pub mod branches;
pub mod figures;
pub mod graphql;
pub mod partners;
mod store;
pub mod tally;
