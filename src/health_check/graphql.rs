//! Health checks in the API.

pub mod funnel;
