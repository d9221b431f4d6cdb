//! What every room of the house may use and which itself uses none of them: the clock, ids, pages,
//! text, and messages in the caller's language.

pub mod cause;
pub mod clock;
pub mod gzip;
pub mod id;
pub mod light;
pub mod message;
pub mod names;
pub mod page;
pub mod period;
pub mod points;
pub mod refusal;
pub mod rules;
pub mod secret;
pub mod text;
