//! Making anew what ranks are read from: for databases that are older than ranks, and for branches that came in by the bulk.

use sea_orm::ConnectionTrait;

use super::{COUNTS, TOTALS, store};
use crate::{
    audit::AuditRecord,
    storage::{
        StoreError, setting,
        write::{Failure, Write},
    },
};

/// Whether what ranks are read from has been made.
pub async fn is_counted(connection: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Ok(setting::get(connection, setting::SCORES_COUNTED).await?.is_some())
}

/// The same unless it has been made: of replicas that start at once, one does it.
pub async fn count_once(write: &mut Write<'_>) -> Result<(), Failure> {
    write.lock(TOTALS, "").await?;
    if is_counted(write.connection()).await? {
        return Ok(());
    }
    recount(write).await
}

/// Makes what ranks are read from anew, from totals and branches.
pub async fn recount(write: &mut Write<'_>) -> Result<(), Failure> {
    // Nobody appends meanwhile, and nobody adds up what was appended.
    write.lock(TOTALS, "").await?;
    write.lock(COUNTS, "").await?;
    write.take_time().await?;
    store::recount(write).await?;
    setting::set(write, setting::SCORES_COUNTED, "1").await?;
    write.audit(AuditRecord::new("recountPoints"));
    Ok(())
}
