//! Codes in tokens to ids.

use entity::{branch, examiner, organization, point_source};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::{
    kernel::id::{BranchId, ExaminerId, OrganizationId, PointSourceId},
    storage::StoreError,
};

/// The organization of a code.
pub(super) async fn organization_id(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<OrganizationId>, StoreError> {
    Ok(organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .filter(organization::Column::Code.eq(code))
        .into_tuple()
        .one(connection)
        .await?)
}

/// The branch whose own code this is; never an alias, never a successor, so that no merger hands an officer
/// of one branch the records of another.
pub(super) async fn branch_id(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<BranchId>, StoreError> {
    Ok(branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .filter(branch::Column::Code.eq(code))
        .into_tuple()
        .one(connection)
        .await?)
}

/// The examiner of a subject, once it was assigned to a check.
pub(super) async fn examiner_id(
    connection: &impl ConnectionTrait,
    subject: &str,
) -> Result<Option<ExaminerId>, StoreError> {
    Ok(examiner::Entity::find()
        .select_only()
        .column(examiner::Column::Id)
        .filter(examiner::Column::Subject.eq(subject))
        .into_tuple()
        .one(connection)
        .await?)
}

/// The point source of a code.
pub(super) async fn source_id(
    connection: &impl ConnectionTrait,
    code: &str,
) -> Result<Option<PointSourceId>, StoreError> {
    Ok(point_source::Entity::find()
        .select_only()
        .column(point_source::Column::Id)
        .filter(point_source::Column::Code.eq(code))
        .into_tuple()
        .one(connection)
        .await?)
}
