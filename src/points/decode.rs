//! A row of JSON, as an adapter sends it: an entry, or what of it cannot be read.
//!
//! Its fields are those of `PointEntryInput`, and no others: what is misspelt must not pass for what is left out. Points are
//! read from the number's own text, so that none of its digits is lost.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    entry::{Delivered, Entry, Unreadable},
    model::{Activity, EntryKind},
};
use crate::kernel::{clock::parse_instant, points::Points, text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row<'a> {
    event_id: String,
    #[serde(default = "first_revision")]
    revision: i32,
    branch_code: String,
    kind: Option<String>,
    activity: Option<String>,
    #[serde(borrow)]
    points: &'a RawValue,
    occurred_at: String,
    refers_to: Option<String>,
    note: Option<String>,
}

fn first_revision() -> i32 {
    1
}

/// The entry of a row, or the row as one that cannot be read.
pub fn decode(row: &[u8]) -> Entry {
    let Ok(text) = std::str::from_utf8(row) else {
        let text = String::from_utf8_lossy(row);
        return Entry::Unreadable(Unreadable::new(&text, "UTF-8"));
    };
    match read(text) {
        Ok(entry) => Entry::Delivered(entry),
        Err(detail) => Entry::Unreadable(Unreadable::new(text, detail)),
    }
}

fn read(text: &str) -> Result<Delivered, String> {
    let row: Row<'_> = serde_json::from_str(text).map_err(|error| fault(text, &error))?;
    let kind = match &row.kind {
        None => EntryKind::Earn,
        Some(name) => EntryKind::parse(name).ok_or("kind")?,
    };
    let activity = match &row.activity {
        None => Activity::Other,
        Some(name) => Activity::parse(name).ok_or("activity")?,
    };
    Ok(Delivered {
        points: Points::parse(row.points.get()).map_err(|error| format!("points: {error}"))?,
        occurred_at: parse_instant(&row.occurred_at).ok_or("occurredAt")?,
        event_id: row.event_id,
        revision: row.revision,
        branch_code: row.branch_code,
        kind,
        activity,
        refers_to: row.refers_to,
        note: row.note,
    })
}

/// Which field it is about. Never what stands there: it may be a person's number.
fn fault(text: &str, error: &serde_json::Error) -> String {
    /// A field's name, whether a value fits it, and whether it must be there.
    type Field = (&'static str, fn(&Value) -> bool, bool);
    const FIELDS: [Field; 9] = [
        ("eventId", Value::is_string, true),
        ("revision", is_revision, false),
        ("branchCode", Value::is_string, true),
        ("kind", is_optional_text, false),
        ("activity", is_optional_text, false),
        ("points", |_| true, true),
        ("occurredAt", Value::is_string, true),
        ("refersTo", is_optional_text, false),
        ("note", is_optional_text, false),
    ];
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return "not an object".to_owned(),
        Err(_) => return format!("not JSON, column {}", error.column()),
    };
    for (name, fits, required) in FIELDS {
        match object.get(name) {
            Some(value) if !fits(value) => return name.to_owned(),
            None if required => return format!("{name} is missing"),
            _ => {}
        }
    }
    let unknown = object
        .keys()
        .find(|key| !FIELDS.iter().any(|(name, ..)| name == key));
    match unknown {
        Some(name) => format!("{:.40} is no field", text::mask(name)),
        None => "a field stands twice".to_owned(),
    }
}

fn is_revision(value: &Value) -> bool {
    value.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn is_optional_text(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str =
        r#"{"eventId":"E1","branchCode":"B1","points":0.10,"occurredAt":"2025-07-01T12:00:00+08:00"}"#;

    fn unreadable(row: &str) -> Unreadable {
        match decode(row.as_bytes()) {
            Entry::Unreadable(row) => row,
            Entry::Delivered(entry) => panic!("{entry:?}"),
        }
    }

    #[test]
    fn a_row_is_an_entry_with_what_is_usual() {
        let Entry::Delivered(entry) = decode(ROW.as_bytes()) else {
            panic!("{ROW}")
        };
        assert_eq!(
            (entry.revision, entry.kind, entry.activity),
            (1, EntryKind::Earn, Activity::Other)
        );
        assert_eq!(entry.points.hundredths(), 10);
        assert_eq!(entry.occurred_at.to_rfc3339(), "2025-07-01T04:00:00+00:00");
        let all = r#"{"eventId":"R1","revision":2,"branchCode":"B1","kind":"REVERSAL","activity":"STUDY","points":-5,
            "occurredAt":"2025-07-01T04:00:00Z","refersTo":"E1","note":null}"#;
        let Entry::Delivered(entry) = decode(all.as_bytes()) else {
            panic!("{all}")
        };
        assert_eq!((entry.revision, entry.kind), (2, EntryKind::Reversal));
        assert_eq!(entry.refers_to.as_deref(), Some("E1"));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_kept_whole() {
        for (from, to, detail) in [
            ("0.10", "1.005", "points: more than two decimals"),
            ("0.10", "1e400", "points: too large"),
            ("0.10", "NaN", "not JSON, column 44"),
            ("0.10", "\"5\"", "points: not a number"),
            ("0.10", "null", "points: not a number"),
            ("\"points\":0.10,", "", "points is missing"),
            ("\"E1\"", "7", "eventId"),
            ("+08:00", "", "occurredAt"),
            ("2025-07-01", "2025-02-30", "occurredAt"),
            ("\"points\"", "\"score\":1,\"points\"", "score is no field"),
            (
                "\"points\"",
                "\"eventId\":\"E2\",\"points\"",
                "a field stands twice",
            ),
            ("\"points\"", "\"revision\":3000000000,\"points\"", "revision"),
            ("\"points\"", "\"kind\":\"GIFT\",\"points\"", "kind"),
            ("\"points\"", "\"activity\":7,\"points\"", "activity"),
            ("Z\"}", "Z\"", ""),
        ] {
            let row = ROW.replace(from, to);
            if row == ROW {
                continue;
            }
            let found = unreadable(&row);
            assert_eq!(found.detail, detail, "{row}");
            assert_eq!(found.payload, row);
        }
        assert_eq!(unreadable("[1]").detail, "not an object");
        assert_eq!(
            unreadable("{\"eventId\":\"E1\",\"bra").detail,
            "not JSON, column 20"
        );
        assert_eq!(unreadable("\u{0}").payload, "\u{fffd}");
        let Entry::Unreadable(row) = decode(b"{\"eventId\":\"\xff\"}") else {
            panic!("not UTF-8")
        };
        assert_eq!(row.detail, "UTF-8");
        // A number that hides: in a field's name, and behind escapes.
        let name = ROW.replace("\"points\"", "\"13800138000\":1,\"points\"");
        assert_eq!(unreadable(&name).detail, "*********** is no field");
        let escaped = unreadable(r#"{"note":"\u00313800\u0031380\u0030\u0030"}"#);
        assert_eq!(escaped.payload, "{\"note\":\"***********\"}");
        assert_eq!(
            unreadable(&ROW.replace("12:00:00+08:00", "23:59:60Z")).detail,
            "occurredAt"
        );
        // Nested beyond what is read, and beyond what a stack holds.
        assert!(unreadable(&"[".repeat(100_000)).detail.starts_with("not JSON"));
        assert_eq!(
            unreadable("{\"note\":\"13800138000\"}").payload,
            "{\"note\":\"***********\"}"
        );
    }
}
