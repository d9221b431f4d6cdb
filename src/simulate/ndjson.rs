//! The list as the lines that `POST /platform/{source}/points` takes.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::record::List;

/// An entry, with the names of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    event_id: &'a str,
    revision: i32,
    branch_code: &'a str,
    kind: &'a str,
    activity: &'a str,
    points: Box<RawValue>,
    occurred_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refers_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// Writes the list's rows, one a line, in its order.
///
/// # Errors
///
/// What the writer refuses.
pub fn ndjson(list: &List, out: &mut impl Write) -> io::Result<()> {
    for entry in list.delivered() {
        let line = Line {
            event_id: &entry.event_id,
            revision: entry.revision,
            branch_code: &entry.branch_code,
            kind: entry.kind.as_str(),
            activity: entry.activity.as_str(),
            points: RawValue::from_string(entry.points.to_string())?,
            occurred_at: entry
                .occurred_at
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            refers_to: entry.refers_to.as_deref(),
            note: entry.note.as_deref(),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
