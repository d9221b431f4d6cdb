//! Platforms (积分平台): where points are pulled from, how far each has been read, and what became of each run.
//!
//! One HTTP adapter, set up by configuration, stands behind the port; whatever it brings goes into the ledger by its own door,
//! in the transaction that moves the position (docs/adr/0013). `model` holds the rules and knows neither HTTP nor a database.

mod adapter;
pub mod address;
pub mod model;
pub mod port;
pub mod settings;

pub use adapter::HttpPlatform;
