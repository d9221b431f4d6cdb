//! Health checks (红色体检): every branch is examined against the template of the year's campaign.
//!
//! The loop is 自检 → 会诊 → 整改 ⇄ 复查 → 闭环 (its order is ours, docs/domain.md, 18). What is here so far are its rules: the stages, the
//! scores and the outcome, and what is counted of computed items.

pub mod computed;
pub mod counted;
pub mod graphql;
pub mod model;
mod store;

pub use model::{CheckOutcome, CheckStage, ItemVerdict, Scored, VisitKind, aspect_score};
pub use store::funnel::{Funnel, funnels};
