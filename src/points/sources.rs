//! The rows of the sources that the configuration names; the service's own is there from the beginning.

use serde_json::json;

use super::store::{self, Source};
use crate::{
    audit::AuditRecord,
    kernel::id::PointSourceId,
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Write},
};

/// The code of the service's own source, under which the district adjusts; no platform has it.
pub const LOCAL: &str = "LOCAL";
/// Its name.
pub(super) const LOCAL_NAME: &str = "本级调整";

/// Makes a row for each source (code and name), and lets names follow; gives all of them. Refused without a word where nothing
/// was to be done, so that nothing is written then.
pub async fn open_sources(write: &mut Write<'_>, named: &[(String, String)]) -> Result<Vec<Source>, Failure> {
    // Replicas start together.
    write.lock("point-sources", "").await?;
    let mut changed = Vec::new();
    let mut sources = Vec::with_capacity(named.len());
    for (code, name) in named {
        let found = store::source_by_code(write.connection(), code).await?;
        let source = match found {
            Some(source) if source.name == *name => source,
            Some(source) => {
                store::rename_source(write, source.id, name).await?;
                changed.push(json!({ "code": code, "name": name, "before": source.name }));
                Source {
                    name: name.clone(),
                    ..source
                }
            }
            None => {
                changed.push(json!({ "code": code, "name": name }));
                store::open_source(write, code, name).await?
            }
        };
        sources.push(source);
    }
    if changed.is_empty() {
        return Err(Failure::Refused(Vec::new()));
    }
    write.audit(AuditRecord::new("openSources").after(json!(changed)));
    Ok(sources)
}

/// The inner state of a source is another: what it does, or what waits of it. Who may see that may hear of it.
pub fn source_changed(source: PointSourceId) -> Change {
    Change::new(Topic::Source, Action::Updated, source).in_scope_only(true)
}
