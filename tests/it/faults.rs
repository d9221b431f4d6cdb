//! What goes wrong below the service loses nothing that was acknowledged, doubles nothing, and skips nothing in the streams
//! of changes.
//!
//! [`load`] is what goes on meanwhile and the checker, [`tally`] what it prints; each other file here is a kind of fault. What else
//! breaks something (`durability`, `backup`, `demo_points`) closes with the same line. `just torture` runs them for longer: a new
//! one goes into both filters of `.config/nextest.toml`.

mod cluster;
mod disk;
mod kills;
pub mod load;
mod network;
pub mod pages;
mod platform;
mod readers;
mod skew;
pub mod tally;
