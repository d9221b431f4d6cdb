//! What the opening of a campaign sets off in slices above: functions that `app.rs` hands in, run in the same transaction.

use futures_util::future::BoxFuture;

use super::model::Campaign;
use crate::storage::write::{Failure, Write};

/// Runs after the campaign's own rows were written.
pub type Hook = for<'a, 't> fn(&'a mut Write<'t>, &'a Campaign) -> BoxFuture<'a, Result<(), Failure>>;

/// Everything that is to run, in its order.
#[derive(Clone, Debug, Default)]
pub struct CampaignHooks {
    /// When a campaign is opened.
    pub opened: Vec<Hook>,
}

impl CampaignHooks {
    pub(super) async fn opened(&self, write: &mut Write<'_>, campaign: &Campaign) -> Result<(), Failure> {
        for hook in &self.opened {
            hook(write, campaign).await?;
        }
        Ok(())
    }
}
