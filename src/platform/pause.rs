//! `pauseSource`: a source is not pulled any more, or again.

use serde_json::json;

use super::{model::SourceError, pull_now::granted, store, told::tell};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::PointSourceId, refusal::Refusal},
    storage::write::{Failure, Write},
};

/// What was decided.
#[derive(Clone, Debug)]
pub struct PauseSource {
    /// The source as the caller wrote it.
    pub source_code: String,
    /// Whether it is to be pulled no more.
    pub paused: bool,
    /// Whether the configuration says how to pull it.
    pub is_pulled: bool,
}

/// Pauses a source, or lets it go on; as it is already, it stays. A run that is on ends with the page that is under way.
///
/// # Errors
///
/// FORBIDDEN for another's source; a refusal where there is no such source, or it is not pulled at all.
pub async fn pause(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &PauseSource,
) -> Result<PointSourceId, Failure> {
    let source = granted(write, grant, &input.source_code).await?;
    if !input.is_pulled {
        return Err(Refusal::from(SourceError::NotPulled).into());
    }
    let mut state = store::lock_state(write, source.id).await?;
    let before = state.state();
    let was = json!({ "paused": state.paused });
    state.paused = input.paused;
    store::save_state(write, &state).await?;
    tell(write, before, &state);
    write.audit(
        AuditRecord::new("pauseSource")
            .node(source.id)
            .before(was)
            .after(json!({ "paused": state.paused })),
    );
    Ok(source.id)
}
