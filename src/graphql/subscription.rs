//! How a subscription to a value is written: its resolver gives the value once. Each time the value may have changed the
//! operation is executed anew (`live/cohort.rs`), with loaders and a scope of its own.

use futures_util::stream::{self, Stream};

/// The value now.
pub fn once<T>(value: T) -> impl Stream<Item = T> + use<T> {
    stream::once(std::future::ready(value))
}
