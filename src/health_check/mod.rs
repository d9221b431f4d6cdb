//! Health checks (红色体检): every branch is examined against the template of the year's campaign.
//!
//! The loop is 自检 → 会诊 → 整改 ⇄ 复查 → 闭环 (its order is ours, docs/domain.md, 18). The branch answers and submits; examiners
//! visit (四个一) and conclude; what is not met is put right as rectifications, which move the check on; the committee closes
//! it. Items that our records answer are computed. Scores and the outcome are always those of the stored verdicts.
//!
//! Every step holds the row of the branch first and the check's after it, as every step of a rectification does; `app.rs` hands
//! what other slices set off here to them: [`campaign_opened`], [`branch_placed`], [`branch_ended`], [`rectification_moved`].

pub mod answer;
mod answers;
pub mod assign;
mod branch_ended;
pub mod close;
pub mod computed;
pub mod conclude;
pub mod counted;
pub mod graphql;
pub mod model;
mod moved;
mod open;
mod record;
mod refresh;
mod step;
mod store;
pub mod submit;
pub mod visit;

pub use branch_ended::branch_ended;
pub use model::{CheckOutcome, CheckStage, ItemVerdict, Scored, VisitKind, aspect_score};
pub use moved::{check_of, rectification_moved};
pub use open::{branch_placed, campaign_opened};
pub use record::HealthCheck;
pub use store::{
    funnel::{Funnel, funnels},
    todo::{waiting_for_answers, waiting_for_examiners},
    verify::verify_scores,
};
