//! zhibu (支部): the GraphQL service a district's organization department keeps its Party-branch records on.
//!
//! `docs/ARCHITECTURE.md` walks through the house; every folder here is one of its rooms.

pub mod app;
pub mod audit;
pub mod auth;
pub mod board;
pub mod branch;
pub mod brand;
pub mod campaign;
pub mod cli;
pub mod config;
pub mod demo;
pub mod gold;
pub mod graphql;
pub mod health_check;
pub mod http;
pub mod jobs;
pub mod kernel;
pub mod live;
pub mod organization;
pub mod pairing;
pub mod platform;
pub mod points;
pub mod rectification;
pub mod simulate;
pub mod storage;
pub mod telemetry;
pub mod training;
pub mod viewer;
