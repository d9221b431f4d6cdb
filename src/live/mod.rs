//! The change log: what moved, in the transaction that moved it. It is the truth behind `changes`, and
//! later behind subscriptions and the freshness of cached reads.

pub mod change;
pub mod cursor;
pub mod graphql;
pub mod page;
pub mod store;
