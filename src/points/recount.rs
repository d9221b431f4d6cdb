//! Making anew what ranks are read from: for databases that are older than ranks, and for branches that came in by the bulk.

use sea_orm::ConnectionTrait;

use super::{TOTALS, store};
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

/// Makes what ranks are read from anew, from totals and branches.
pub async fn recount(write: &mut Write<'_>) -> Result<(), Failure> {
    write.lock(TOTALS, "").await?;
    write.take_time().await?;
    store::recount(write).await?;
    setting::set(write, setting::SCORES_COUNTED, "1").await?;
    write.audit(AuditRecord::new("recountPoints"));
    Ok(())
}
