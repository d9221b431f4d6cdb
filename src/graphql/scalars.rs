//! The contract's scalars over chrono's types.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike as _, NaiveDate, SecondsFormat, Utc};

use crate::live::cursor::Cursor;

/// Calendar day in Asia/Shanghai, ISO 8601: 2022-10-01 (日期).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub NaiveDate);

/// 日期 · Calendar day in Asia/Shanghai, ISO 8601: 2022-10-01.
#[Scalar(
    name = "Date",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
)]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        parse_date(text)
            .map(Self)
            .ok_or_else(|| InputValueError::custom(format!("no such day: {text:.40?}")))
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// `full-date` of RFC 3339 and nothing looser: chrono alone would also take `2022-1-1`, `+99999-1-1` and `-9999-01-1`,
/// years that SQLite puts in another order and PostgreSQL does not hold.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let is_full_date = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_full_date
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
}

/// An instant of RFC 3339 whose year has four digits in UTC too, so that both databases order it.
pub fn parse_instant(text: &str) -> Option<chrono::DateTime<Utc>> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.with_timezone(&Utc))
        .filter(|at| (0..=9999).contains(&at.year()))
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(day)
    }
}

/// Instant, RFC 3339, printed in UTC (时刻).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// 时刻 · Instant, RFC 3339, printed in UTC.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        parse_instant(text).map(Self).ok_or_else(|| {
            InputValueError::custom(format!("not an RFC 3339 instant with a zone: {text:.40?}"))
        })
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(at: chrono::DateTime<Utc>) -> Self {
        Self(at)
    }
}

/// A place in the change log (变更日志游标). Opaque to clients; later changes have later cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCursor(pub Cursor);

/// 变更游标 · A place in the change log. Opaque to clients; later changes have later cursors.
#[Scalar(name = "ChangeCursor")]
impl ScalarType for ChangeCursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        Cursor::decode(text)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("not a cursor of this service"))
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.encode())
    }
}
