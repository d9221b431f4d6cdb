//! The change log: what moved, in the transaction that moved it. It is the truth behind `changes`, behind subscriptions and
//! behind the freshness of cached reads.
//!
//! What is committed goes one way: `store` appends it, the `tail` reads it (or, where it was written here, is told at once),
//! `freshness` moves its versions, and the `window` holds it for the `feed`s of live readers.

pub mod change;
mod changes;
mod cohort;
pub mod cursor;
mod feed;
#[cfg(test)]
mod feed_tests;
mod freshness;
pub mod graphql;
mod key;
mod log;
pub mod page;
mod results;
pub mod socket;
pub mod store;
pub mod tail;
mod tailing;
mod window;

pub use changes::Changes;
pub use cohort::{Cohorts, Execute, Told, Value};
pub use freshness::{Dependencies, Freshness};
pub use key::{ReadKey, dependencies};
pub use log::{Log, WINDOW};
pub use results::{Answer, Found, Looked, Results};
