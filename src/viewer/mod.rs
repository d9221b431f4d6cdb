//! The caller itself: who it is, and what waits for it (待办).
//!
//! It stands above all slices and only reads: each slice says what of its own waits for a caller, this one
//! puts it in order of urgency.

pub mod graphql;
mod todos;
