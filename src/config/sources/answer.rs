//! `[sources.CODE.pull]`, `paging`, `envelope`, `fields`, `kinds` and `activities`: what a platform's answers look like.

use super::pull::in_words;
use crate::{
    config::{keys::Keys, value::Word},
    platform::{
        model::Pointer,
        settings::{Envelope, Fields, Paging, PagingBy, Words},
    },
    points::{Activity, EntryKind},
};

/// What an entry of a platform may be: adjustments are the district's own.
const KINDS: &[EntryKind] = &[EntryKind::Earn, EntryKind::Reversal, EntryKind::Correction];
/// Items a page unless the configuration says otherwise.
const SIZE: u32 = 200;

/// None where something is missing or wrong.
pub(super) fn paging(keys: &mut Keys<'_>) -> Option<Paging> {
    let kind = keys.required("kind", |kind: &String| match kind.as_str() {
        "cursor" | "page" => Ok(kind.clone()),
        _ => Err("must be \"cursor\" or \"page\"".to_owned()),
    });
    let size_parameter = keys.get("size_parameter");
    let size = keys
        .get_within("size", 1..=10_000, "between 1 and 10000")
        .unwrap_or(SIZE);
    let has_more = keys.pointer("has_more");
    let by = match kind?.as_str() {
        "cursor" => {
            let id = keys.get("id_parameter");
            let since = keys.required("since_parameter", |name: &String| Ok(name.clone()));
            PagingBy::Cursor { since: since?, id }
        }
        _ => {
            let first = keys.get_within("first_page", ..=1, "0 or 1").unwrap_or(1);
            let since = keys.get("since_parameter");
            let parameter = keys.required("page_parameter", |name: &String| Ok(name.clone()));
            PagingBy::Page {
                parameter: parameter?,
                first,
                since,
            }
        }
    };
    Some(Paging {
        by,
        size_parameter,
        size,
        has_more,
    })
}

pub(super) fn envelope(keys: &mut Keys<'_>) -> Envelope {
    let list = keys.pointer("list").unwrap_or_default();
    let message = keys.pointer("message");
    let code = keys.pointer("code");
    let success = code.and_then(|code| {
        let success = keys.required("success", |words: &Vec<Word>| {
            Ok(words.iter().map(|Word(word)| word.clone()).collect::<Vec<_>>())
        });
        Some((code, success?))
    });
    Envelope {
        list,
        success,
        message,
    }
}

/// None where something is missing or wrong.
pub(super) fn fields(keys: &mut Keys<'_>) -> Option<Fields> {
    let kinds = keys.table("kinds").meanings(KINDS, EntryKind::as_str);
    let activities = keys.table("activities").meanings(Activity::ALL, Activity::as_str);
    let kind = keys.word("default_kind", KINDS, EntryKind::as_str);
    let activity = keys.word("default_activity", Activity::ALL, Activity::as_str);
    let mut keys = keys.table("fields");
    let kind = Words {
        pointer: keys.pointer("kind"),
        meanings: kinds,
        default: kind.or(Some(EntryKind::Earn)),
    };
    let activity = Words {
        pointer: keys.pointer("activity"),
        meanings: activities,
        default: activity,
    };
    let revision = keys.pointer("revision");
    let refers_to = keys.pointer("refers_to");
    let note = keys.pointer("note");
    let updated_at = keys.pointer("updated_at");
    let id = keys.pointer("id");
    let event_id = keys.required_pointer("event_id");
    let branch_code = keys.required_pointer("branch_code");
    let points = keys.required_pointer("points");
    let occurred_at = keys.required_pointer("occurred_at");
    let event_id = event_id?;
    Some(Fields {
        id: id.unwrap_or_else(|| event_id.clone()),
        event_id,
        revision,
        branch_code: branch_code?,
        kind,
        activity,
        points: points?,
        occurred_at: occurred_at?,
        refers_to,
        note,
        updated_at,
    })
}

impl Keys<'_> {
    pub(super) fn pointer(&mut self, name: &str) -> Option<Pointer> {
        self.read(name, |text: &String| Pointer::parse(text).map_err(in_words))
    }

    pub(super) fn required_pointer(&mut self, name: &str) -> Option<Pointer> {
        self.required(name, |text: &String| Pointer::parse(text).map_err(in_words))
    }

    /// One of the contract's names.
    fn word<T: Copy>(&mut self, name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        self.read(name, |word: &String| named(word, all, as_str))
    }

    /// The platform's words, each with what it means.
    fn meanings<T: Copy>(&mut self, all: &[T], as_str: fn(T) -> &'static str) -> Vec<(String, T)> {
        let given: Vec<(String, String)> = self.all();
        let mut meanings = Vec::with_capacity(given.len());
        for (word, name) in given {
            match named(&name, all, as_str) {
                Ok(meaning) => meanings.push((word, meaning)),
                Err(problem) => self.fault(&word, problem),
            }
        }
        meanings
    }
}

fn named<T: Copy>(word: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| as_str(*one) == word);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        format!("must be one of {}", names.join(", "))
    })
}
