//! `pullPoints`: a run is asked for, and begins as soon as somebody takes it up.

use serde_json::json;

use super::{
    model::{Freeze, SourceError},
    store,
    told::tell,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::PullRunId, refusal::Refusal, text},
    points::{self, Source},
    storage::write::{Failure, Refusals, Write},
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct PullNow {
    /// The source as the caller wrote it.
    pub source_code: String,
    /// The days on which it is not asked; None where the configuration does not say how to pull it.
    pub freeze: Option<Freeze>,
}

/// Asks for a run; gives it.
///
/// # Errors
///
/// FORBIDDEN for another's source; a refusal where there is no such source, and where it is paused, frozen, being pulled or not
/// pulled at all.
pub async fn pull_now(write: &mut Write<'_>, grant: &Grant, input: &PullNow) -> Result<PullRunId, Failure> {
    let source = granted(write, grant, &input.source_code).await?;
    let now = write.clock().machine();
    let mut state = store::lock_state(write, source.id).await?;
    let frozen = input.freeze.as_ref().and_then(|freeze| freeze.until(now));
    let mut refusals = Refusals::default();
    refusals.require(input.freeze.is_some(), || SourceError::NotPulled.into());
    refusals.require(!state.paused, || SourceError::Paused.into());
    refusals.require(state.run.is_none(), || SourceError::Pulling.into());
    if let Some(until) = frozen {
        refusals.require(false, || SourceError::Frozen(until).into());
    }
    refusals.finish()?;

    let before = state.state();
    let run = store::open_run(write, source.id, None, now).await?;
    state.run = Some(run);
    store::save_state(write, &state).await?;
    tell(write, before, &state);
    write.audit(
        AuditRecord::new("pullPoints")
            .node(source.id)
            .after(json!({ "runId": run.0 })),
    );
    Ok(run)
}

/// The source of a code, where the caller may do something with it.
pub(super) async fn granted(write: &Write<'_>, grant: &Grant, code: &str) -> Result<Source, Failure> {
    let code = text::code(code).map_err(|error| error.refusal(&["sourceCode"]))?;
    let source = points::source_by_code(write.connection(), &code).await?;
    grant.require_source(source.as_ref().map(|source| source.id))?;
    source.ok_or_else(|| Refusal::from(SourceError::NoSource).into())
}
