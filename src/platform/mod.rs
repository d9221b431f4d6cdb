//! Platforms (积分平台): where points are pulled from, how far each has been read, and what became of each run.
//!
//! One HTTP adapter, set up by configuration, stands behind the port; whatever it brings goes into the ledger by its own door,
//! in the transaction that moves the position (docs/adr/0013). `model` holds the rules and knows neither HTTP nor a database.

mod adapter;
pub mod address;
mod begin;
mod finish;
pub mod graphql;
pub mod model;
pub mod pause;
pub mod port;
pub mod pull;
pub mod pull_now;
mod reconcile;
pub mod schedule;
pub mod settings;
mod standing;
mod store;
mod take;
mod told;

pub use adapter::HttpPlatform;
pub use pull::{Puller, Turn};
pub use schedule::{PulledSource, PulledSources, Wake};
pub use standing::{SourceStanding, standing};
pub use store::{run, state};
