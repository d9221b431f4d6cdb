//! What mutations write.

use chrono::NaiveDate;
use entity::{branch, branch_move, branch_term};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany,
    sea_query::Expr,
};

use super::super::model::{Branch, BranchStatus, Term};
use crate::{
    kernel::{
        id::{BranchId, OrganizationId},
        text,
    },
    storage::{StoreError, write::Write},
};

/// A new branch as it stands, but for its key; its first term is written by itself.
pub(in super::super) async fn insert(write: &Write<'_>, new: &Branch) -> Result<BranchId, StoreError> {
    let row = branch::ActiveModel {
        id: NotSet,
        code: Set(new.code.clone()),
        name: Set(new.name.clone()),
        search_text: Set(text::search_text(&new.name, &new.code)),
        domain: Set(new.domain.as_str().to_owned()),
        form: Set(new.form.as_str().to_owned()),
        status: Set(new.status.as_str().to_owned()),
        organization_id: Set(new.organization_id),
        founded_on: Set(new.founded_on),
        ended_on: Set(new.ended_on),
        successor_id: Set(new.successor_id),
        member_count: Set(new.member_count),
        contact_phone: Set(new.contact_phone.clone()),
        term_ends_on: Set(new.term_ends_on),
        version: Set(new.version),
        updated_at: Set(new.updated_at),
    };
    Ok(branch::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// The row of a branch, with its next version and the time of the change.
fn changed(write: &Write<'_>, branch: &Branch) -> UpdateMany<branch::Entity> {
    branch::Entity::update_many()
        .col_expr(branch::Column::Version, Expr::value(branch.version + 1))
        .col_expr(branch::Column::UpdatedAt, Expr::value(write.clock().business()))
        .filter(branch::Column::Id.eq(branch.id))
}

/// Writes what an update may change, as `branch` holds it, and the version after `branch`'s.
pub(in super::super) async fn update(write: &Write<'_>, branch: &Branch) -> Result<(), StoreError> {
    changed(write, branch)
        .col_expr(branch::Column::Name, Expr::value(branch.name.as_str()))
        .col_expr(
            branch::Column::SearchText,
            Expr::value(text::search_text(&branch.name, &branch.code)),
        )
        .col_expr(branch::Column::Domain, Expr::value(branch.domain.as_str()))
        .col_expr(
            branch::Column::OrganizationId,
            Expr::value(branch.organization_id),
        )
        .col_expr(branch::Column::MemberCount, Expr::value(branch.member_count))
        .col_expr(
            branch::Column::ContactPhone,
            Expr::value(branch.contact_phone.clone()),
        )
        .exec(write.connection())
        .await?;
    Ok(())
}

/// The version after `branch`'s: something that belongs to it changed.
pub(in super::super) async fn touch(write: &Write<'_>, branch: &Branch) -> Result<(), StoreError> {
    changed(write, branch).exec(write.connection()).await?;
    Ok(())
}

/// Ends a branch; with a successor it is merged, without one dissolved.
pub(in super::super) async fn end(
    write: &Write<'_>,
    branch: &Branch,
    successor: Option<BranchId>,
    on: NaiveDate,
) -> Result<(), StoreError> {
    let status = match successor {
        Some(_) => BranchStatus::Merged,
        None => BranchStatus::Dissolved,
    };
    changed(write, branch)
        .col_expr(branch::Column::Status, Expr::value(status.as_str()))
        .col_expr(branch::Column::EndedOn, Expr::value(on))
        .col_expr(branch::Column::SuccessorId, Expr::value(successor))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// Keeps a move.
pub(in super::super) async fn add_move(
    write: &Write<'_>,
    id: BranchId,
    from: OrganizationId,
    to: OrganizationId,
    on: NaiveDate,
) -> Result<(), StoreError> {
    branch_move::Entity::insert(branch_move::ActiveModel {
        id: NotSet,
        branch_id: Set(id),
        from_organization_id: Set(from),
        to_organization_id: Set(to),
        effective_on: Set(on),
    })
    .exec_without_returning(write.connection())
    .await?;
    Ok(())
}

/// Keeps the term that an election opened, the latest one.
pub(in super::super) async fn insert_term(
    write: &Write<'_>,
    term: &Term,
    document: Option<&str>,
) -> Result<(), StoreError> {
    branch_term::Entity::insert(branch_term::ActiveModel {
        id: NotSet,
        branch_id: Set(term.branch_id),
        elected_on: Set(term.elected_on),
        ends_on: Set(term.ends_on),
        extended_to: Set(term.extended_to),
        on_time: Set(term.on_time),
        election_document: Set(document.map(str::to_owned)),
        extension_document: Set(None),
    })
    .exec_without_returning(write.connection())
    .await?;
    set_term_end(write, term).await
}

/// Keeps the extension of the latest term.
pub(in super::super) async fn extend_term(
    write: &Write<'_>,
    term: &Term,
    document: &str,
) -> Result<(), StoreError> {
    branch_term::Entity::update_many()
        .col_expr(branch_term::Column::ExtendedTo, Expr::value(term.extended_to))
        .col_expr(branch_term::Column::ExtensionDocument, Expr::value(document))
        .filter(branch_term::Column::BranchId.eq(term.branch_id))
        .filter(branch_term::Column::ElectedOn.eq(term.elected_on))
        .exec(write.connection())
        .await?;
    set_term_end(write, term).await
}

/// Lists filter and order by the latest term's end, so it stands with the branch.
async fn set_term_end(write: &Write<'_>, term: &Term) -> Result<(), StoreError> {
    branch::Entity::update_many()
        .col_expr(branch::Column::TermEndsOn, Expr::value(term.end()))
        .filter(branch::Column::Id.eq(term.branch_id))
        .exec(write.connection())
        .await?;
    Ok(())
}
