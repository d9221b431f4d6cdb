//! Rows of health checks.

pub mod funnel;
