//! JSON as it was written: numbers keep their digits, because no amount of points may go through floating point.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::platform::model::{Pointer, PullFault};

/// An object's members, each as it was written.
pub(super) type Members<'a> = HashMap<String, &'a RawValue>;

/// Reads a text, without the mark that some editors put before it.
pub(super) fn parse(body: &[u8]) -> Result<&RawValue, PullFault> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice(body).map_err(|_| PullFault::NotJson)
}

/// The members of an object; None of anything else.
pub(super) fn members(value: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// The items of a list; None of anything else.
pub(super) fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// A member of an object.
pub(super) fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    members(value)?.remove(name)
}

/// What stands at a place.
pub(super) fn at<'a>(value: &'a RawValue, pointer: &Pointer) -> Option<&'a RawValue> {
    walk(value, pointer.steps())
}

/// The same in an object whose members have been read.
pub(super) fn within<'a>(
    members: &Members<'a>,
    whole: &'a RawValue,
    pointer: &Pointer,
) -> Option<&'a RawValue> {
    match pointer.steps() {
        [] => Some(whole),
        [name, rest @ ..] => walk(members.get(name)?, rest),
    }
}

fn walk<'a>(value: &'a RawValue, steps: &[String]) -> Option<&'a RawValue> {
    steps
        .iter()
        .try_fold(value, |value, step| match value.get().as_bytes().first() {
            Some(b'[') => list(value)?.get(step.parse::<usize>().ok()?).copied(),
            _ => member(value, step),
        })
}

/// A value that is neither an object nor a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// Nothing: null.
    Null,
    /// A text.
    Text(String),
    /// A number, in its own digits.
    Number(String),
    /// True or false.
    Bool(bool),
}

/// Reads one; None of an object or a list.
pub(super) fn scalar(value: &RawValue) -> Option<Scalar> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok().map(Scalar::Text),
        b'n' => Some(Scalar::Null),
        b't' => Some(Scalar::Bool(true)),
        b'f' => Some(Scalar::Bool(false)),
        b'{' | b'[' => None,
        _ => Some(Scalar::Number(text.to_owned())),
    }
}

/// What a platform may say as a text or as a whole number, such as a code or an id. A number that is not whole is none: it has
/// been through somebody's floating point.
pub(super) fn word(value: &RawValue) -> Option<String> {
    match scalar(value)? {
        Scalar::Text(text) => Some(text),
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Number(number) => {
            let digits = number.strip_prefix('-').unwrap_or(&number);
            digits.bytes().all(|b| b.is_ascii_digit()).then_some(number)
        }
        Scalar::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_at_a_place_keeps_its_digits() {
        let text = r#"{"data":{"list":[{"score": 0.10,"n":1e400,"a/b":[1,[2,3]]}],"中":"文\u0041"}}"#;
        let whole = parse(text.as_bytes()).unwrap();
        let at = |pointer: &str| at(whole, &Pointer::parse(pointer).unwrap()).map(RawValue::get);
        assert_eq!(at("/data/list/0/score"), Some("0.10"));
        assert_eq!(at("/data/list/0/n"), Some("1e400"));
        assert_eq!(at("/data/list/0/a~1b/1/0"), Some("2"));
        assert_eq!(at("/data/list/1"), None);
        assert_eq!(at("/data/list/x"), None);
        assert_eq!(at("/data/list/0/score/x"), None);
        assert_eq!(at("/data/中"), Some(r#""文\u0041""#));
        assert_eq!(at(""), Some(text));
        assert_eq!(
            word(member(member(whole, "data").unwrap(), "中").unwrap()).as_deref(),
            Some("文A")
        );
    }

    #[test]
    fn words_are_texts_and_whole_numbers() {
        let word = |text: &str| word(parse(text.as_bytes()).unwrap());
        assert_eq!(word("200").as_deref(), Some("200"));
        assert_eq!(word("\"200\"").as_deref(), Some("200"));
        assert_eq!(word("-1").as_deref(), Some("-1"));
        assert_eq!(word("true").as_deref(), Some("true"));
        for text in ["1.35021E+14", "1.0", "null", "[1]", "{}"] {
            assert_eq!(word(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(parse(b"\xEF\xBB\xBF[]").is_ok());
        for body in [&b""[..], b"<html>", b"{\"a\":", b"[1] 2", b"\"\xFF\""] {
            assert_eq!(parse(body).map(RawValue::get), Err(PullFault::NotJson));
        }
        // Deeper than anything a parser may recurse into.
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let _ = parse(deep.as_bytes());
    }
}
