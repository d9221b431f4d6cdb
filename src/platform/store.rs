//! Rows of pulling.

use chrono::{DateTime, Utc};
use entity::{pull_run, pull_state};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::OnConflict,
};
use serde::de::DeserializeOwned;

use super::model::{Counts, Position, PullFault, PullRun, Pulled, Rest, SourceState};
use crate::{
    kernel::id::{PointSourceId, PullRunId},
    storage::{ROW_LOCK, StoreError, write::Write},
};

/// How a source stands; None where it was never pulled.
pub async fn state(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
) -> Result<Option<Pulled>, StoreError> {
    let row = pull_state::Entity::find_by_id(source).one(connection).await?;
    row.map(pulled).transpose()
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
    let row = pull_state::Entity::find_by_id(source)
        .lock(ROW_LOCK)
        .one(write.connection())
        .await?;
    row.map_or(Ok(new), pulled)
}

/// Writes how a source stands, whose row was locked.
pub(super) async fn save_state(write: &Write<'_>, state: &Pulled) -> Result<(), StoreError> {
    pull_state::Entity::update(state_row(state)?)
        .exec(write.connection())
        .await?;
    Ok(())
}

fn pulled(row: pull_state::Model) -> Result<Pulled, StoreError> {
    let state = SourceState::parse(&row.rest);
    let position = match (row.position_at, row.position_text, row.position_id) {
        (Some(at), Some(text), Some(id)) => Some(Position { at, text, id }),
        _ => None,
    };
    Ok(Pulled {
        source: row.source_id,
        paused: row.paused,
        fence: row.fence,
        run: row.run_id,
        rest: Rest {
            state: state.ok_or_else(|| StoreError::corrupt("pull_state.rest", &row.rest))?,
            failures: row.failures.try_into().unwrap_or_default(),
            next_pull_at: row.next_pull_at,
        },
        last_success_at: row.last_success_at,
        last_error: read_json("pull_state.last_error", row.last_error)?,
        position,
        reread_on: row.reread_on,
        reread_from: row.reread_from,
        reconciled_on: row.reconciled_on,
    })
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

/// A run by its key.
pub async fn run(connection: &impl ConnectionTrait, id: PullRunId) -> Result<Option<PullRun>, StoreError> {
    let row = pull_run::Entity::find_by_id(id).one(connection).await?;
    row.map(run_of).transpose()
}

/// The runs of a source, the newest first.
pub async fn runs(
    connection: &impl ConnectionTrait,
    source: PointSourceId,
    limit: u64,
) -> Result<Vec<PullRun>, StoreError> {
    let rows = pull_run::Entity::find()
        .filter(pull_run::Column::SourceId.eq(source))
        .order_by_desc(pull_run::Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(run_of).collect()
}

fn run_of(row: pull_run::Model) -> Result<PullRun, StoreError> {
    Ok(PullRun {
        id: row.id,
        source: row.source_id,
        fence: row.fence,
        started_at: row.started_at,
        ended_at: row.ended_at,
        pages: row.pages,
        counts: Counts {
            accepted: row.accepted,
            duplicates: row.duplicates,
            conflicts: row.conflicts,
            quarantined: row.quarantined,
        },
        error: read_json("pull_run.error", row.error)?,
    })
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
