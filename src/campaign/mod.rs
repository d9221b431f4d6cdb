//! Campaigns (一年一主题): the year's theme, the template that its health checks follow, and its plan for gold branches.

pub mod graphql;
pub mod model;

pub use model::{Aspect, Campaign, CheckItem, GoldRules, Verification};
