//! What goes wrong below the service loses nothing that was acknowledged, doubles nothing, and skips nothing in the streams
//! of changes.
//!
//! [`load`] is what goes on meanwhile and the checker; each file here is a kind of fault. `just torture` runs them for longer.

mod cluster;
mod disk;
mod kills;
pub mod load;
mod network;
pub mod pages;
mod readers;
mod skew;
