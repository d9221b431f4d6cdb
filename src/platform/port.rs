//! What a pull needs of a platform, whichever it is.

use std::time::Duration;

use async_trait::async_trait;

use super::model::{Ask, Position, PullFault};
use crate::{
    kernel::{period::Period, points::Points},
    points::Entry,
};

/// A platform that can be pulled.
#[async_trait]
pub trait Platform: Send + Sync {
    /// A page of entries.
    ///
    /// # Errors
    ///
    /// What went wrong; the caller decides whether it is asked again.
    async fn page(&self, ask: &Ask) -> Result<Page, PlatformError>;

    /// Its own totals of a month, by branch code; None where it does not tell them.
    ///
    /// # Errors
    ///
    /// What went wrong.
    async fn totals(&self, month: Period) -> Result<Option<Totals>, PlatformError>;
}

/// What branches have in a month, by the platform's codes.
pub type Totals = Vec<(String, Points)>;

/// A page of entries.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its items, in the platform's order.
    pub items: Vec<Item>,
    /// Whether more follow, where the platform says so.
    pub more: Option<bool>,
    /// Tells whether two pages hold the same.
    pub print: u64,
}

/// An item of a page.
#[derive(Clone, Debug)]
pub struct Item {
    /// The entry, or the row that is none.
    pub entry: Entry,
    /// Where it stands; None where nobody can tell.
    pub position: Option<Position>,
}

/// Why a platform did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct PlatformError {
    /// What went wrong.
    #[source]
    pub fault: PullFault,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl From<PullFault> for PlatformError {
    fn from(fault: PullFault) -> Self {
        Self {
            fault,
            retry_after: None,
        }
    }
}
