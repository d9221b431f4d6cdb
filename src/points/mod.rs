//! Points (积分): the ledger of what branches earned on the platforms, which decide what an activity is worth.
//!
//! Append-only; the key of an entry is (source, eventId, revision). In whatever order and however often entries come,
//! totals come out the same (docs/domain.md, 14): `model` is the algebra that sees to it, and knows no database.

mod branch_ended;
pub mod entry;
pub mod model;
pub mod push;
mod store;
mod sweep;

pub use branch_ended::branch_ended;
pub use entry::{Delivered, Reason};
pub use model::{Activity, Book, Effect, EntryKind, Line, Posting, Standing, UnknownReference};
pub use push::{Outcome, Push};
pub use store::{Source, open_source, totals, verify_totals};
pub use sweep::{Due, due};

/// What pushes share and a merger of branches takes for itself: it adds up totals and must miss no posting.
const MERGERS: &str = "points-mergers";
