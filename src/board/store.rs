//! The queries of the board.

pub(super) mod branches;
