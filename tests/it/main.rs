//! The tests that ask as a client would; one binary, because each would link the whole service once more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has found something"
)]
#![allow(missing_docs, reason = "names of tests are sentences")]

mod access;
mod admission;
mod audit;
mod audit_export;
mod audits;
mod auth;
mod backup;
mod board;
mod branch;
mod branch_end;
mod branch_update;
mod branches;
mod brand;
mod browsers;
mod campaign;
mod changes;
mod cli;
mod corpus;
mod demo;
mod demo_points;
mod documents;
mod durability;
mod faults;
mod figures;
mod gold;
mod health_check;
mod hostile;
mod http;
mod introspection;
mod layering;
mod ledger;
mod limits;
mod live;
mod organization;
mod pairing;
mod peers;
mod points;
mod pull;
mod rectification;
mod schema;
mod simulate;
mod support;
mod telemetry;
mod training;
mod year;
