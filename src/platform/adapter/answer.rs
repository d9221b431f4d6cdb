//! From an answer to entries. What cannot be read becomes an item that says so; nothing is guessed.

#[cfg(test)]
mod tests;

use std::hash::BuildHasher as _;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::json::{self, Members, Scalar};
use crate::{
    kernel::{
        points::{Points, PointsError},
        text,
    },
    platform::{
        model::{Pointer, Position, PullFault},
        port::{Item, Page},
        settings::{Envelope, Fields, PullSettings, Totals, Words},
    },
    points::{Activity, Delivered, Entry, EntryKind, Unreadable},
};

/// Characters of a platform's own message that are kept.
const MESSAGE_LIMIT: usize = 200;

/// Reads a page of entries.
///
/// # Errors
///
/// An answer that is not JSON, says that it did not go well, or has no list where one should be.
pub(super) fn page(settings: &PullSettings, body: &[u8], now: DateTime<Utc>) -> Result<Page, PullFault> {
    let whole = json::parse(body)?;
    let list = unwrap(&settings.envelope, whole, &settings.envelope.list)?;
    let items = json::list(list).ok_or_else(|| shape(&settings.envelope.list))?;
    let more = match &settings.paging.has_more {
        Some(pointer) => Some(more(whole, pointer)?),
        None => None,
    };
    Ok(Page {
        items: items
            .into_iter()
            .map(|value| item(settings, value, now))
            .collect(),
        more,
        // The same in every process that asks.
        print: std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(list.get()),
    })
}

/// Reads a platform's own totals, by branch code.
///
/// # Errors
///
/// As with a page; and a total that is none.
pub(super) fn totals(
    envelope: &Envelope,
    totals: &Totals,
    body: &[u8],
) -> Result<Vec<(String, Points)>, PullFault> {
    let whole = json::parse(body)?;
    let list = unwrap(envelope, whole, &totals.list)?;
    let items = json::list(list).ok_or_else(|| shape(&totals.list))?;
    let row = |item: &RawValue| {
        let code = json::at(item, &totals.branch_code).and_then(json::word);
        let total = json::at(item, &totals.total).and_then(|value| amount(value).ok());
        Ok((
            code.ok_or_else(|| shape(&totals.branch_code))?,
            total.ok_or_else(|| shape(&totals.total))?,
        ))
    };
    items.into_iter().map(row).collect()
}

fn shape(pointer: &Pointer) -> PullFault {
    PullFault::Shape {
        pointer: pointer.to_string(),
    }
}

/// The list in its envelope, once that says that it went well.
fn unwrap<'a>(envelope: &Envelope, whole: &'a RawValue, list: &Pointer) -> Result<&'a RawValue, PullFault> {
    if let Some((pointer, accepted)) = &envelope.success {
        let code = json::at(whole, pointer).and_then(json::word);
        let code = code.ok_or_else(|| shape(pointer))?;
        if !accepted.contains(&code) {
            let message = envelope.message.as_ref();
            let message = message
                .and_then(|pointer| json::at(whole, pointer))
                .and_then(json::word);
            let short = |text: &str| text::mask(text).chars().take(MESSAGE_LIMIT).collect();
            return Err(PullFault::Refused {
                code: short(&code),
                message: message.as_deref().map(short),
            });
        }
    }
    json::at(whole, list).ok_or_else(|| shape(list))
}

/// Whether more follow: true, a number that is not 0, the link or the cursor of a next page.
fn more(whole: &RawValue, pointer: &Pointer) -> Result<bool, PullFault> {
    let value = json::at(whole, pointer).ok_or_else(|| shape(pointer))?;
    Ok(match json::scalar(value) {
        Some(Scalar::Bool(more)) => more,
        Some(Scalar::Number(number)) => number != "0",
        Some(Scalar::Text(text)) => !matches!(text.as_str(), "" | "0" | "false"),
        Some(Scalar::Null) => false,
        None => true,
    })
}

fn item(settings: &PullSettings, value: &RawValue, now: DateTime<Utc>) -> Item {
    let members = json::members(value).unwrap_or_default();
    let row = Row {
        settings,
        value,
        members: &members,
    };
    let position = row.position().filter(|position| position.is_credible(now));
    let entry = match row.entry() {
        Ok(entry) => Entry::Delivered(entry),
        Err(detail) => Entry::Unreadable(Unreadable::new(value.get(), detail)),
    };
    Item { entry, position }
}

/// An item, and where its fields stand.
struct Row<'a> {
    settings: &'a PullSettings,
    value: &'a RawValue,
    members: &'a Members<'a>,
}

impl<'a> Row<'a> {
    fn fields(&self) -> &'a Fields {
        &self.settings.fields
    }

    fn at(&self, pointer: &Pointer) -> Option<&'a RawValue> {
        json::within(self.members, self.value, pointer)
    }

    fn entry(&self) -> Result<Delivered, String> {
        let fields = self.fields();
        let kind = self.word_of("kind", &fields.kind, |name| {
            EntryKind::parse(name).filter(|kind| *kind != EntryKind::Adjustment)
        })?;
        Ok(Delivered {
            event_id: self.needed("eventId", &fields.event_id)?,
            revision: match &fields.revision {
                Some(pointer) => self.revision(pointer)?,
                None => 1,
            },
            branch_code: self.needed("branchCode", &fields.branch_code)?,
            kind,
            activity: self.word_of("activity", &fields.activity, Activity::parse)?,
            points: self.points(&fields.points)?,
            occurred_at: self.instant("occurredAt", &fields.occurred_at)?,
            refers_to: self.optional("refersTo", fields.refers_to.as_ref())?,
            note: self.optional("note", fields.note.as_ref())?,
        })
    }

    /// Where it stands; None where its instant or its id cannot be read.
    fn position(&self) -> Option<Position> {
        let fields = self.fields();
        let text = self.at(fields.updated_at.as_ref()?).and_then(json::word)?;
        let id = self.at(&fields.id).and_then(json::word)?;
        // No database keeps U+0000 in a text: the page would never be booked.
        let is_kept = !id.chars().chain(text.chars()).any(char::is_control);
        Some(Position {
            at: self.settings.times.read(&text).filter(|_| is_kept)?,
            text,
            id,
        })
    }

    /// A text or a whole number that must be there.
    fn needed(&self, field: &str, pointer: &Pointer) -> Result<String, String> {
        let value = self.at(pointer).ok_or_else(|| missing(field, pointer))?;
        json::word(value).ok_or_else(|| wrong(field, pointer, "no text and no whole number"))
    }

    /// The same where there may be nothing.
    fn optional(&self, field: &str, pointer: Option<&Pointer>) -> Result<Option<String>, String> {
        let Some(pointer) = pointer else { return Ok(None) };
        match self.at(pointer).map(|value| (value, json::scalar(value))) {
            None | Some((_, Some(Scalar::Null))) => Ok(None),
            Some((value, _)) => match json::word(value) {
                Some(word) => Ok(Some(word).filter(|word| !word.is_empty())),
                None => Err(wrong(field, pointer, "no text and no whole number")),
            },
        }
    }

    /// One of the platform's words.
    fn word_of<T: Copy>(
        &self,
        field: &str,
        words: &Words<T>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        let Some(pointer) = &words.pointer else {
            return words.default.ok_or_else(|| format!("{field}: no default"));
        };
        let Some(word) = self.optional(field, Some(pointer))? else {
            return words.default.ok_or_else(|| missing(field, pointer));
        };
        let meaning = words.meanings.iter().find(|(known, _)| *known == word);
        let meaning = meaning.map(|(_, meaning)| *meaning).or_else(|| parse(&word));
        meaning.ok_or_else(|| wrong(field, pointer, "a word that means nothing"))
    }

    fn revision(&self, pointer: &Pointer) -> Result<i32, String> {
        match self.optional("revision", Some(pointer))? {
            None => Ok(1),
            Some(number) => number
                .parse()
                .map_err(|_| wrong("revision", pointer, "no whole number")),
        }
    }

    fn points(&self, pointer: &Pointer) -> Result<Points, String> {
        let value = self.at(pointer).ok_or_else(|| missing("points", pointer))?;
        amount(value).map_err(|error| wrong("points", pointer, &error.to_string()))
    }

    fn instant(&self, field: &str, pointer: &Pointer) -> Result<DateTime<Utc>, String> {
        let text = self.needed(field, pointer)?;
        let at = self.settings.times.read(&text);
        at.ok_or_else(|| wrong(field, pointer, "no instant as time_format says"))
    }
}

/// A number, or a number in a text; `5分` is not ours to guess.
fn amount(value: &RawValue) -> Result<Points, PointsError> {
    match json::scalar(value) {
        Some(Scalar::Number(text) | Scalar::Text(text)) => Points::parse(&text),
        _ => Err(PointsError::NotANumber),
    }
}

fn missing(field: &str, pointer: &Pointer) -> String {
    wrong(field, pointer, "missing")
}

fn wrong(field: &str, pointer: &Pointer, what: &str) -> String {
    format!("{field} {pointer}: {what}")
}
