//! Points (积分): the ledger of what branches earned on the platforms, which decide what an activity is worth.
//!
//! Append-only; the key of an entry is (source, eventId, revision). In whatever order and however often entries come,
//! totals come out the same (docs/domain.md, 14): `model` is the algebra that sees to it, and knows no database.

pub mod adjust;
mod branches;
mod concerned;
mod decode;
pub mod deliver;
pub mod discard;
pub mod entry;
pub mod graphql;
mod held;
pub mod model;
pub mod push;
pub mod quarantined;
pub mod reconcile;
mod recount;
pub mod resolve;
pub mod rows;
mod score;
mod similar;
mod sources;
mod store;
mod sweep;
mod told;

pub use branches::{branch_coded, branch_ended, branch_placed};
pub use decode::decode;
pub use entry::{Delivered, Entry, Reason, Unreadable};
pub use model::{Activity, Book, Effect, EntryKind, LedgerError, Line, Posting, Standing, UnknownReference};
pub use push::{Outcome, Push};
pub use recount::{count_once, is_counted, recount};
pub use sources::{LOCAL, open_sources, source_changed};
pub use store::{
    Among, RankAmong, Source, activities_held, merge_counts, open_source, participants_by_domain,
    ranks_in_domain, ranks_statement, scored_statement, source_by_code, source_of_code, standings, totals,
    verify_scores, verify_totals, waiting_for_decision,
};
pub use sweep::{Due, due};
pub use told::told;

/// What pushes share, and whoever moves totals from branch to branch or from field to field takes for itself: it must miss
/// no posting.
const TOTALS: &str = "point-totals";

/// What the job takes that adds counts up, and a recount: the one would add to the other's.
const COUNTS: &str = "point-counts";
