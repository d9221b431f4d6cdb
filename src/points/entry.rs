//! An entry as a platform delivers it, judged by itself: before anything is looked up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::model::{Activity, EntryKind};
use crate::kernel::{
    clock::{day_in_shanghai, is_storable},
    names::stored_names,
    points::Points,
    text,
};

/// How far a platform's clock may be ahead of ours before an entry waits for its time: **default**.
pub(super) const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// Characters of an event's name: **limit**.
const EVENT_ID_LIMIT: usize = 200;

stored_names! {
    /// Why an entry waits in quarantine.
    #[derive(Serialize, Deserialize)]
    Reason {
        /// No branch has that code towards the source on the day of the event.
        UnknownBranch => "UNKNOWN_BRANCH",
        /// A field holds what it cannot.
        InvalidField => "INVALID_FIELD",
        /// Another content is booked under the same key.
        ConflictingRepeat => "CONFLICTING_REPEAT",
        /// It answers an EARN event that is not booked.
        UnknownReference => "UNKNOWN_REFERENCE",
        /// It is dated more than five minutes ahead.
        FutureDated => "FUTURE_DATED",
    }
}

/// What an adapter sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The platform's name for what happened.
    pub event_id: String,
    /// From 1.
    pub revision: i32,
    /// The branch, by a code it has towards the source on the day of the event.
    pub branch_code: String,
    /// What it does.
    pub kind: EntryKind,
    /// What the points were earned with.
    pub activity: Activity,
    /// How many.
    pub points: Points,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The EARN event that a reversal or correction answers.
    pub refers_to: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

/// A row that cannot be read as an entry, kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The row as it came; persons' numbers masked, for nobody knows where in it they are meant as such.
    pub payload: String,
    /// A digest of it.
    pub content: String,
    /// What cannot be read, in words.
    pub detail: String,
}

impl Unreadable {
    /// A row as it came, and what of it cannot be read.
    pub fn new(row: &str, detail: impl Into<String>) -> Self {
        // A digit may be written as an escape, which hides a number from whoever looks for it.
        let row = (0..10).fold(row.to_owned(), |row, digit| {
            let escape = format!("\\u003{digit}");
            if row.contains(&escape) {
                row.replace(&escape, &digit.to_string())
            } else {
                row
            }
        });
        // No database keeps U+0000 in a text.
        let payload = text::mask(&row).replace('\0', "\u{fffd}");
        Self {
            content: digest(&payload),
            payload,
            detail: detail.into(),
        }
    }
}

/// What comes in at the ledger's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An entry.
    Delivered(Delivered),
    /// A row that is none.
    Unreadable(Unreadable),
}

impl From<Delivered> for Entry {
    fn from(entry: Delivered) -> Self {
        Self::Delivered(entry)
    }
}

/// What tells a content from others.
fn digest(content: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(content.as_bytes()))
}

/// Why an entry is not booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For what.
    pub reason: Reason,
    /// In words, for whoever decides about it.
    pub detail: String,
    /// When it is to be tried again by itself.
    pub retry_at: Option<DateTime<Utc>>,
}

impl Waits {
    /// One without a time.
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            retry_at: None,
        }
    }
}

/// An entry, normalized, with what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The entry; codes normalized, persons' numbers masked, to the microsecond.
    pub entry: Delivered,
    /// The entry as JSON, for whoever decides about it.
    pub payload: String,
    /// A digest of all of it: two contents of one key differ in it.
    pub content: String,
    /// Why it cannot be booked, whatever the ledger holds.
    pub waits: Option<Waits>,
    /// The decision that an adjustment rests on.
    pub document_number: Option<String>,
}

impl Judged {
    /// The entry of a row that waits, without a judgement; none where its payload is no entry.
    pub fn of_payload(payload: String, content: String) -> Option<Self> {
        let value: Value = serde_json::from_str(&payload).ok()?;
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let entry = Delivered {
            event_id: text("eventId")?,
            revision: value.get("revision")?.as_i64()?.try_into().ok()?,
            branch_code: text("branchCode")?,
            kind: EntryKind::parse(&text("kind")?)?,
            activity: Activity::parse(&text("activity")?)?,
            points: Points::parse(&text("points")?).ok()?,
            occurred_at: text("occurredAt")?.parse().ok()?,
            refers_to: text("refersTo"),
            note: text("note"),
        };
        Some(Self {
            entry,
            payload,
            content,
            waits: None,
            document_number: None,
        })
    }

    /// Whether a field holds what it cannot: then its key means nothing.
    pub fn is_invalid(&self) -> bool {
        self.waits
            .as_ref()
            .is_some_and(|waits| waits.reason == Reason::InvalidField)
    }

    /// The same as one that cannot be booked for what a field holds. Persons' numbers are masked wherever they stand: nobody
    /// knows any more which of its texts are names of something.
    pub(super) fn invalid(&self, field: &str) -> Self {
        let payload = text::mask(&self.payload).into_owned();
        Self {
            content: digest(&payload),
            payload,
            waits: Some(Waits::because(Reason::InvalidField, field)),
            ..self.clone()
        }
    }

    /// The key that it is booked under.
    pub fn key(&self) -> (String, i32) {
        (self.entry.event_id.clone(), self.entry.revision)
    }
}

impl Delivered {
    /// Judges an entry of a platform at a business time. None of them adjusts: that is the district's to do.
    pub fn judge(&self, now: DateTime<Utc>) -> Judged {
        let mut judged = self.judge_fields(now);
        let invalid = judged.is_invalid();
        if self.kind == EntryKind::Adjustment && !invalid {
            judged.waits = Some(Waits::because(Reason::InvalidField, "kind"));
        }
        judged
    }

    /// Judges an adjustment of the district's own, which rests on a document.
    pub(super) fn judge_adjustment(&self, document_number: &str, now: DateTime<Utc>) -> Judged {
        Judged {
            document_number: Some(document_number.to_owned()),
            ..self.judge_fields(now)
        }
    }

    fn judge_fields(&self, now: DateTime<Utc>) -> Judged {
        let code = text::code(&self.branch_code);
        let entry = Delivered {
            branch_code: match &code {
                // That of an answer is not used, only kept.
                Ok(code) if self.kind.answers() => text::mask(code).into_owned(),
                Ok(code) => code.clone(),
                Err(_) => self.branch_code.clone(),
            },
            occurred_at: self.occurred_at.trunc_subsecs(6),
            // Free text; a key or a code that were masked would name something else.
            note: self.note.as_ref().map(|note| text::mask(note).into_owned()),
            ..self.clone()
        };
        let payload = json!({
            "eventId": entry.event_id,
            "revision": entry.revision,
            "branchCode": entry.branch_code,
            "kind": entry.kind.as_str(),
            "activity": entry.activity.as_str(),
            "points": entry.points.to_string(),
            "occurredAt": entry.occurred_at,
            "refersTo": entry.refers_to,
            "note": entry.note,
        })
        .to_string();
        let invalid = if !is_name(&entry.event_id) {
            Some("eventId")
        } else if entry.revision < 1 {
            Some("revision")
        } else if code.is_err() && !(entry.kind.answers() && is_name(&entry.branch_code)) {
            Some("branchCode")
        } else if entry.kind.answers() != entry.refers_to.as_deref().is_some_and(is_name) {
            Some("refersTo")
        } else if entry
            .note
            .as_deref()
            .is_some_and(|note| text::prose(note, text::PROSE_LIMIT).is_err())
        {
            Some("note")
        } else if !is_storable(entry.occurred_at) {
            Some("occurredAt")
        } else {
            None
        };
        let is_early = entry.occurred_at > now + AHEAD;
        let early = |entry: &Delivered| Waits {
            reason: Reason::FutureDated,
            detail: format!(
                "occurredAt {}, today {}",
                entry.occurred_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                day_in_shanghai(now)
            ),
            retry_at: Some(entry.occurred_at),
        };
        let judged = Judged {
            content: digest(&payload),
            waits: is_early.then(|| early(&entry)),
            entry,
            payload,
            document_number: None,
        };
        match invalid {
            Some(field) => judged.invalid(field),
            None => judged,
        }
    }
}

/// A platform's name for an event: visible, and not endless.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= EVENT_ID_LIMIT && !name.chars().any(char::is_control)
}
