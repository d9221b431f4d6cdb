//! Rows of pulling.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{pull_run, pull_state};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, OnConflict},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::model::{Counts, Position, PullFault, PullRun, Pulled, Rest, SourceState};
use crate::{
    auth::Scope,
    kernel::{
        id::{PointSourceId, PullRunId},
        page::{Page, PageArgs, PageError},
    },
    storage::{
        ROW_LOCK, StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
        write::Write,
    },
};

/// How a source stands; None where it was never pulled.
pub async fn state(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
) -> Result<Option<Pulled>, StoreError> {
    Ok(states(connection, &[source]).await?.pop())
}

/// How sources stand that were pulled.
pub(super) async fn states(
    connection: &impl ConnectionTrait,
    sources: &[PointSourceId],
) -> Result<Vec<Pulled>, StoreError> {
    let selection = pull_state::Entity::find();
    let selection = selection.filter(row::among(connection, pull_state::Column::SourceId, sources));
    row::all(connection, selection).await
}

/// How a source stands, its row locked until the transaction ends; made where there is none.
pub(super) async fn lock_state(write: &Write<'_>, source: PointSourceId) -> Result<Pulled, StoreError> {
    let new = Pulled::new(source, write.clock().machine());
    let nothing = OnConflict::column(pull_state::Column::SourceId)
        .do_nothing()
        .to_owned();
    pull_state::Entity::insert(state_row(&new)?)
        .on_conflict(nothing)
        .exec_without_returning(write.connection())
        .await?;
    let locked = pull_state::Entity::find_by_id(source).lock(ROW_LOCK);
    let state = row::one(write.connection(), locked).await?;
    Ok(state.unwrap_or(new))
}

/// Writes how a source stands, whose row was locked.
pub(super) async fn save_state(write: &Write<'_>, state: &Pulled) -> Result<(), StoreError> {
    pull_state::Entity::update(state_row(state)?)
        .exec(write.connection())
        .await?;
    Ok(())
}

impl FromRow for Pulled {
    type Entity = pull_state::Entity;

    const COLUMNS: &'static [pull_state::Column] = &[
        pull_state::Column::SourceId,
        pull_state::Column::Paused,
        pull_state::Column::Fence,
        pull_state::Column::RunId,
        pull_state::Column::Rest,
        pull_state::Column::Failures,
        pull_state::Column::NextPullAt,
        pull_state::Column::LastSuccessAt,
        pull_state::Column::LastError,
        pull_state::Column::PositionAt,
        pull_state::Column::PositionText,
        pull_state::Column::PositionId,
        pull_state::Column::RereadOn,
        pull_state::Column::RereadFrom,
        pull_state::Column::ReconciledOn,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            source: cells.take()?,
            paused: cells.take()?,
            fence: cells.take()?,
            run: cells.optional()?,
            rest: Rest {
                state: cells.named("pull_state.rest", SourceState::parse)?,
                failures: u32::try_from(cells.take::<i32>()?).unwrap_or_default(),
                next_pull_at: cells.take()?,
            },
            last_success_at: cells.optional()?,
            last_error: read_json("pull_state.last_error", cells.optional()?)?,
            position: match (cells.optional()?, cells.optional()?, cells.optional()?) {
                (Some(at), Some(text), Some(id)) => Some(Position { at, text, id }),
                _ => None,
            },
            reread_on: cells.optional()?,
            reread_from: cells.optional()?,
            reconciled_on: cells.optional()?,
        })
    }
}

fn state_row(state: &Pulled) -> Result<pull_state::ActiveModel, StoreError> {
    let position = state.position.as_ref();
    Ok(pull_state::ActiveModel {
        source_id: Set(state.source),
        paused: Set(state.paused),
        fence: Set(state.fence),
        run_id: Set(state.run),
        rest: Set(state.rest.state.as_str().to_owned()),
        failures: Set(state.rest.failures.try_into().unwrap_or(i32::MAX)),
        next_pull_at: Set(state.rest.next_pull_at),
        last_success_at: Set(state.last_success_at),
        last_error: Set(state.last_error.as_ref().map(error_text)),
        position_at: Set(position.map(|position| position.at)),
        position_text: Set(position.map(|position| position.text.clone())),
        position_id: Set(position.map(|position| position.id.clone())),
        reread_on: Set(state.reread_on),
        reread_from: Set(state.reread_from),
        reconciled_on: Set(state.reconciled_on),
    })
}

fn error_text(fault: &PullFault) -> String {
    // Texts and numbers: they can be written.
    serde_json::to_string(fault).unwrap_or_default()
}

fn read_json<T: DeserializeOwned>(column: &str, text: Option<String>) -> Result<Option<T>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|_| StoreError::corrupt(column, &text))
}

impl FromRow for PullRun {
    type Entity = pull_run::Entity;

    const COLUMNS: &'static [pull_run::Column] = &[
        pull_run::Column::Id,
        pull_run::Column::SourceId,
        pull_run::Column::Fence,
        pull_run::Column::StartedAt,
        pull_run::Column::EndedAt,
        pull_run::Column::Pages,
        pull_run::Column::Accepted,
        pull_run::Column::Duplicates,
        pull_run::Column::Conflicts,
        pull_run::Column::Quarantined,
        pull_run::Column::Error,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            source: cells.take()?,
            fence: cells.optional()?,
            started_at: cells.take()?,
            ended_at: cells.optional()?,
            pages: cells.take()?,
            counts: Counts {
                accepted: cells.take()?,
                duplicates: cells.take()?,
                conflicts: cells.take()?,
                quarantined: cells.take()?,
            },
            error: read_json("pull_run.error", cells.optional()?)?,
        })
    }
}

/// A run by its key.
pub async fn run(connection: &impl ConnectionTrait, id: PullRunId) -> Result<Option<PullRun>, StoreError> {
    row::one(connection, pull_run::Entity::find_by_id(id)).await
}

/// Runs by id, of sources that are seen from inside.
pub(super) async fn runs_by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[PullRunId],
) -> Result<HashMap<PullRunId, PullRun>, StoreError> {
    let selection = pull_run::Entity::find()
        .filter(scope.source_rows(Expr::col(pull_run::Column::SourceId)))
        .filter(row::among(connection, pull_run::Column::Id, ids));
    row::by_key(connection, selection, |run: &PullRun| run.id).await
}

/// The newest first.
fn newest_first() -> Keyset {
    let id = Expr::col((pull_run::Entity, pull_run::Column::Id));
    Keyset::new("runs.newest", [KeyColumn::desc(id, KeyKind::Int)])
}

/// Checks page arguments of runs before anything is read.
pub(super) fn check_runs_page(args: &PageArgs) -> Result<(), PageError> {
    newest_first().check(args).map(drop)
}

fn of_sources(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    sources: &[PointSourceId],
) -> Select<pull_run::Entity> {
    pull_run::Entity::find()
        .filter(scope.source_rows(Expr::col(pull_run::Column::SourceId)))
        .filter(row::among(connection, pull_run::Column::SourceId, sources))
}

/// The same page of the runs of each source.
pub(super) async fn pages_of_runs(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    sources: &[PointSourceId],
    args: &PageArgs,
) -> Result<HashMap<PointSourceId, Page<PullRun>>, ListError> {
    let order = newest_first();
    let request = order.check(args)?;
    let parent = Expr::col((pull_run::Entity, pull_run::Column::SourceId));
    let selection = of_sources(connection, scope, sources);
    let pages = order.pages(connection, selection, parent, &request, |run: &PullRun| {
        vec![json!(run.id)]
    });
    pages.await
}

/// How many runs of each source there are.
pub(super) async fn counts_of_runs(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    sources: &[PointSourceId],
) -> Result<HashMap<PointSourceId, u64>, StoreError> {
    let parent = Expr::col((pull_run::Entity, pull_run::Column::SourceId));
    keyset::counts(connection, of_sources(connection, scope, sources), parent).await
}

/// Begins a run; one without a fence was only asked for.
pub(super) async fn open_run(
    write: &Write<'_>,
    source: PointSourceId,
    fence: Option<i64>,
    now: DateTime<Utc>,
) -> Result<PullRunId, StoreError> {
    let row = pull_run::ActiveModel {
        id: NotSet,
        source_id: Set(source),
        fence: Set(fence),
        started_at: Set(now),
        ended_at: Set(None),
        pages: Set(0),
        accepted: Set(0),
        duplicates: Set(0),
        conflicts: Set(0),
        quarantined: Set(0),
        error: Set(None),
    };
    let made = pull_run::Entity::insert(row).exec(write.connection()).await?;
    Ok(made.last_insert_id)
}

/// Writes what became of a run so far. It is changed under its source's lock only.
pub(super) async fn save_run(write: &Write<'_>, run: &PullRun) -> Result<(), StoreError> {
    let row = pull_run::Model {
        id: run.id,
        source_id: run.source,
        fence: run.fence,
        started_at: run.started_at,
        ended_at: run.ended_at,
        pages: run.pages,
        accepted: run.counts.accepted,
        duplicates: run.counts.duplicates,
        conflicts: run.counts.conflicts,
        quarantined: run.counts.quarantined,
        error: run.error.as_ref().map(error_text),
    };
    let row = row.into_active_model().reset_all();
    pull_run::Entity::update(row).exec(write.connection()).await?;
    Ok(())
}

/// Forgets all runs of a source but the newest.
pub(super) async fn prune_runs(
    write: &Write<'_>,
    source: PointSourceId,
    keep: u64,
) -> Result<(), StoreError> {
    let oldest = pull_run::Entity::find()
        .select_only()
        .column(pull_run::Column::Id)
        .filter(pull_run::Column::SourceId.eq(source))
        .order_by_desc(pull_run::Column::Id)
        .offset(keep)
        .limit(1)
        .into_tuple::<PullRunId>()
        .one(write.connection())
        .await?;
    if let Some(oldest) = oldest {
        pull_run::Entity::delete_many()
            .filter(pull_run::Column::SourceId.eq(source))
            .filter(pull_run::Column::Id.lte(oldest))
            .exec(write.connection())
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_kept_and_read_again() {
        for fault in [
            PullFault::Timeout,
            PullFault::Status { status: 502 },
            PullFault::TooLarge { bytes: 1 << 24 },
            PullFault::Shape {
                pointer: "/data/list".to_owned(),
            },
            PullFault::Refused {
                code: "500".to_owned(),
                message: None,
            },
            PullFault::AllUnreadable {
                items: 10,
                detail: "points /score: missing".to_owned(),
            },
        ] {
            let text = Some(error_text(&fault));
            assert_eq!(read_json("error", text).unwrap(), Some(fault.clone()));
            assert!(!fault.message().zh.is_empty() && !fault.message().en.is_empty());
        }
    }
}
