//! The queries of the board.

pub(super) mod badge;
pub(super) mod branches;
