//! Where branches are compared with others.

use std::collections::HashMap;

use entity::branch;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
};

use super::super::model::{BranchForm, BranchStatus, Domain, Place};
use crate::{
    kernel::id::BranchId,
    storage::{StoreError, row},
};

/// Where each of these branches is compared with others; those that take no part are left out.
pub async fn places(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Place>, StoreError> {
    let query = branch::Entity::find()
        .select_only()
        .columns([
            branch::Column::Id,
            branch::Column::Domain,
            branch::Column::OrganizationId,
        ])
        .filter(row::among(connection, branch::Column::Id, ids))
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()))
        .filter(branch::Column::Form.ne(BranchForm::Temporary.as_str()))
        .into_query();
    let rows = row::fetch(connection, &query, |cells| {
        let id: BranchId = cells.take()?;
        let domain = cells.named("branch.domain", Domain::parse)?;
        let organization = cells.take()?;
        Ok((id, Place { domain, organization }))
    });
    Ok(rows.await?.into_iter().collect())
}
