//! Campaigns (一年一主题): the year's theme, the template that its health checks follow, and its plan for gold branches.
//!
//! A template is published once and never changed; a campaign follows the version it was opened with (docs/domain.md, 15). What
//! its opening sets off in slices above is a list of functions that `app.rs` hands in, run in the same transaction.

pub mod checklist;
pub mod graphql;
pub mod hooks;
pub mod model;
pub mod open;
pub mod plan;
mod store;
pub mod template;

pub use checklist::CheckItem;
pub use hooks::CampaignHooks;
pub use model::{Aspect, Campaign, GoldRules, Verification};
pub use plan::GoldPlan;
pub use store::{by_ids, by_year, items, latest_items};
