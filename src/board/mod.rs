//! What the dashboards read across the slices: lists of branches with filters and orders that look at terms, gold titles and
//! pairings at once.
//!
//! Reads only. Every list is one statement a page, and one more for its total where that is asked for, whatever the
//! number of organizations it is asked for.

pub mod badge;
pub mod branches;
pub mod graphql;
mod store;
