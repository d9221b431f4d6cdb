//! Training (培训): records of what was held, where, for whom, and how many came; and the sites it is held at
//! (实训基地, 邻里驿站, 党群服务中心).
//!
//! Who took part is kept only as keyed hashes (PIPL art. 28): a person who comes twice is counted once, and nobody
//! can be read back. Records are for those in scope of the organizer or of a branch that took part; sites are
//! for everybody signed in (docs/domain.md, 9).

mod check;
pub mod correct;
pub mod graphql;
pub mod model;
pub mod participant;
pub mod record;
pub mod remove;
pub mod save_site;
mod store;

pub use model::{Site, SiteKind, TrainingAudience, TrainingKind, TrainingRecord};
pub use participant::{Participant, ParticipantKey};
pub use store::{Window, distinct_participants, verify_attendances};
