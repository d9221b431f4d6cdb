//! The queries of the board.

pub(super) mod badge;
pub(super) mod branches;
pub(super) mod figures;
pub(super) mod partners;
pub(super) mod tally;
