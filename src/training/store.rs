//! Rows of training records, of who took part, and of sites.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::{branch, training_branch, training_participant, training_record};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, JoinType, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, RelationTrait as _, Select, Statement,
    sea_query::{Expr, ExprTrait as _, SelectStatement},
};
use serde_json::json;

use super::model::{QuarterHours, TrainingAudience, TrainingKind, TrainingRecord};
use crate::{
    auth::{Extent, Scope, subtree},
    kernel::{
        id::{BranchId, OrganizationId, TrainingRecordId},
        page::{Page, PageArgs, PageError},
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
    },
};

pub(super) mod record;
pub(super) mod site;

impl FromRow for TrainingRecord {
    type Entity = training_record::Entity;

    const COLUMNS: &'static [training_record::Column] = &[
        training_record::Column::Id,
        training_record::Column::Topic,
        training_record::Column::Kind,
        training_record::Column::Audience,
        training_record::Column::HeldOn,
        training_record::Column::QuarterHours,
        training_record::Column::OrganizerId,
        training_record::Column::SiteId,
        training_record::Column::AttendeeCount,
        training_record::Column::Version,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            topic: cells.take()?,
            kind: cells.named("training_record.kind", TrainingKind::parse)?,
            audience: cells.named("training_record.audience", TrainingAudience::parse)?,
            held_on: cells.take()?,
            hours: QuarterHours::from_quarters(cells.take()?),
            organizer_id: cells.take()?,
            site_id: cells.optional()?,
            attendee_count: cells.take()?,
            version: cells.take()?,
        })
    }
}

/// Records that a branch of some kind took part in.
fn attended(branches: Condition) -> SelectStatement {
    training_branch::Entity::find()
        .select_only()
        .column(training_branch::Column::TrainingRecordId)
        .filter(branches)
        .into_query()
}

fn record_id() -> Expr {
    Expr::col((training_record::Entity, training_record::Column::Id))
}

fn attending_branch() -> Expr {
    Expr::col((training_branch::Entity, training_branch::Column::BranchId))
}

/// Records in scope: the organizer lies in it, or a branch in it took part.
fn visible(scope: &Scope) -> Select<training_record::Entity> {
    let select = training_record::Entity::find();
    match scope.extent() {
        Extent::District => select,
        Extent::Nothing | Extent::Branch(_) | Extent::Assigned { .. } | Extent::Subtree(_) => select.filter(
            Condition::any()
                .add(scope.organizations(Expr::col((
                    training_record::Entity,
                    training_record::Column::OrganizerId,
                ))))
                .add(record_id().in_subquery(attended(scope.branch_ids(attending_branch())))),
        ),
    }
}

/// Records by id.
pub(super) async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[TrainingRecordId],
) -> Result<HashMap<TrainingRecordId, TrainingRecord>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, training_record::Column::Id, ids));
    row::by_key(connection, selection, |row: &TrainingRecord| row.id).await
}

/// The branches that took part in records that the caller has been shown, in the order of their ids.
pub(super) async fn branches(
    connection: &impl ConnectionTrait,
    records: &[TrainingRecordId],
) -> Result<HashMap<TrainingRecordId, Vec<BranchId>>, StoreError> {
    let rows = training_branch::Entity::find()
        .filter(row::among(
            connection,
            training_branch::Column::TrainingRecordId,
            records,
        ))
        .order_by_asc(training_branch::Column::TrainingRecordId)
        .order_by_asc(training_branch::Column::BranchId)
        .all(connection)
        .await?;
    let mut branches: HashMap<TrainingRecordId, Vec<BranchId>> = HashMap::new();
    for row in rows {
        branches
            .entry(row.training_record_id)
            .or_default()
            .push(row.branch_id);
    }
    Ok(branches)
}

/// What a list of training records is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct TrainingFilter {
    /// This branch took part.
    pub branch: Option<BranchId>,
    /// The organizer, or a branch that took part, lies below this organization.
    pub organization: Option<OrganizationId>,
    /// Of these kinds.
    pub kinds: Option<Vec<TrainingKind>>,
    /// For these audiences.
    pub audiences: Option<Vec<TrainingAudience>>,
    /// Held on this day or later.
    pub from: Option<NaiveDate>,
    /// Held on this day or earlier.
    pub to: Option<NaiveDate>,
}

fn filtered(
    mut select: Select<training_record::Entity>,
    filter: &TrainingFilter,
) -> Select<training_record::Entity> {
    if let Some(branch) = filter.branch {
        let took_part = Condition::all().add(attending_branch().eq(branch));
        select = select.filter(record_id().in_subquery(attended(took_part)));
    }
    if let Some(top) = filter.organization {
        let homes = branch::Entity::find()
            .select_only()
            .column(branch::Column::Id)
            .filter(branch::Column::OrganizationId.in_subquery(subtree(top)))
            .into_query();
        let took_part = Condition::all().add(attending_branch().in_subquery(homes));
        select = select.filter(
            Condition::any()
                .add(training_record::Column::OrganizerId.in_subquery(subtree(top)))
                .add(record_id().in_subquery(attended(took_part))),
        );
    }
    if let Some(kinds) = &filter.kinds {
        select = select.filter(training_record::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(audiences) = &filter.audiences {
        select = select.filter(training_record::Column::Audience.is_in(audiences.iter().map(|a| a.as_str())));
    }
    if let Some(from) = filter.from {
        select = select.filter(training_record::Column::HeldOn.gte(from));
    }
    if let Some(to) = filter.to {
        select = select.filter(training_record::Column::HeldOn.lte(to));
    }
    select
}

/// The latest first.
fn latest_first() -> Keyset {
    Keyset::new(
        "training.latest",
        [
            KeyColumn::desc(
                Expr::col((training_record::Entity, training_record::Column::HeldOn)),
                KeyKind::Day,
            ),
            KeyColumn::desc(record_id(), KeyKind::Int),
        ],
    )
}

fn key(row: &TrainingRecord) -> Vec<serde_json::Value> {
    vec![json!(row.held_on), json!(row.id)]
}

/// Checks page arguments of training records before they reach a loader.
pub(super) fn check_page(args: &PageArgs) -> Result<(), PageError> {
    latest_first().check(args).map(drop)
}

/// A page of training records in scope, the latest first.
pub(super) async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &TrainingFilter,
    args: &PageArgs,
) -> Result<Page<TrainingRecord>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(visible(scope), filter), &request, key)
        .await?;
    Ok(page)
}

/// How many there are.
pub(super) async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &TrainingFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(visible(scope), filter)).await
}

/// Records of branches in scope, joined with the branches that took part; those of other branches are left out.
fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &TrainingFilter,
) -> Select<training_record::Entity> {
    let joined = training_record::Entity::find()
        .join(
            JoinType::InnerJoin,
            training_branch::Relation::TrainingRecord.def().rev(),
        )
        .filter(row::among(
            connection,
            training_branch::Column::BranchId,
            branches,
        ))
        .filter(scope.branch_ids(attending_branch()));
    filtered(joined, filter)
}

/// A page of the records of each branch in scope, the latest first, all in one statement.
pub(super) async fn pages_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &TrainingFilter,
    args: &PageArgs,
) -> Result<HashMap<BranchId, Page<TrainingRecord>>, ListError> {
    let order = latest_first();
    let request = order.check(args)?;
    let pages = order
        .pages(
            connection,
            of_branches(connection, scope, branches, filter),
            attending_branch(),
            &request,
            key,
        )
        .await?;
    Ok(pages)
}

/// How many records each branch in scope has.
pub(super) async fn counts_of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    filter: &TrainingFilter,
) -> Result<HashMap<BranchId, u64>, StoreError> {
    keyset::counts(
        connection,
        of_branches(connection, scope, branches, filter),
        attending_branch(),
    )
    .await
}

/// Days from the first to the last, both counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// How many different persons (不重复人数) took part in trainings of secretaries and Party workers held in a window:
/// those that an organization or one below it held, the whole district's where none is named. A number for
/// everybody signed in; nobody is named by it.
pub async fn distinct_participants(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    window: Window,
    organization: Option<OrganizationId>,
) -> Result<u64, StoreError> {
    let counted = TrainingAudience::COUNTED.map(TrainingAudience::as_str);
    let mut select = training_participant::Entity::find()
        .select_only()
        .column(training_participant::Column::Participant)
        .distinct()
        .join(
            JoinType::InnerJoin,
            training_participant::Relation::TrainingRecord.def(),
        )
        .filter(scope.public())
        .filter(training_record::Column::Audience.is_in(counted))
        .filter(training_record::Column::HeldOn.between(window.from, window.to));
    if let Some(top) = organization {
        select = select.filter(training_record::Column::OrganizerId.in_subquery(subtree(top)));
    }
    keyset::count(connection, select).await
}

/// How many records' attendance differs from the participants they hold.
pub async fn verify_attendances(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) AS differences FROM training_record r WHERE r.attendee_count <> \
               (SELECT count(*) FROM training_participant p WHERE p.training_record_id = r.id)";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
