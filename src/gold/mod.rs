//! The selection of gold branches (金牌大评比) under 三正一负: health check passed, high in points, a brand of its own; any
//! serious negative fact vetoes (一票否决).
//!
//! A branch applies (自主申报), its committee recommends (把关推荐), the district decides (研究审定): three different persons
//! (docs/domain.md, 15). Each step says anew how the branch stands against the criteria and keeps it. Who awards holds the
//! campaign's row first, then the branch's, then the application's: awards of one campaign happen one after another, so
//! that the quota holds.

pub mod apply;
mod branch_ended;
pub mod decide;
pub mod graphql;
pub mod lift_veto;
pub mod model;
pub mod recommend;
pub mod record_veto;
pub mod revoke;
mod step;
mod store;
pub mod withdraw;

pub use branch_ended::branch_ended;
pub use model::{Application, Eligibility, GoldState, Veto, VetoKind};
pub use store::todo::{waiting_for_decision, waiting_for_recommendation};
