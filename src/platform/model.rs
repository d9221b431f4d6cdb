//! The rules of pulling, without HTTP and without a database.

mod error;
mod fault;
mod freeze;
mod pace;
mod pointer;
mod run;
mod state;
mod time_format;
mod walk;

#[cfg(test)]
mod tests;

pub use error::SourceError;
pub use fault::PullFault;
pub use freeze::{Freeze, FreezeError, Window};
pub use pace::{LONGEST_WAIT, Pace, Rest, Retries, SourceState};
pub use pointer::{Pointer, PointerError};
pub use run::{Counts, PullRun};
pub use state::{Pulled, Reread, further_back};
pub use time_format::{TimeFormat, TimeFormatError, offset};
pub use walk::{Ask, Gait, Position, Seen, Since, Step, Walk, further};
