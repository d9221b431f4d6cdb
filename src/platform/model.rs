//! The rules of pulling, without HTTP and without a database.

mod freeze;
mod pointer;
mod time_format;

pub use freeze::{Freeze, FreezeError, Window};
pub use pointer::{Pointer, PointerError};
pub use time_format::{TimeFormat, TimeFormatError, offset};
