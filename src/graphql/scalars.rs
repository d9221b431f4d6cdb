//! The contract's scalars over chrono's types.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{NaiveDate, SecondsFormat, Utc};

use crate::{
    kernel::{
        clock::parse_instant,
        period,
        points::{self, PointsError},
    },
    live::cursor::Cursor,
};

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

/// Points, a JSON number with at most two decimals, exact (积分).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Points(pub points::Points);

/// 积分 · A JSON number with at most two decimals, exact (held as an integer number of hundredths).
#[Scalar(name = "Points")]
impl ScalarType for Points {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::Number(number) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        // A double's shortest text gives back every decimal of up to fifteen digits.
        points::Points::parse(&number.to_string())
            .map(Self)
            .map_err(|error| {
                InputValueError::custom(match error {
                    PointsError::NotANumber => "not a number",
                    PointsError::Decimals => "points have at most two decimals",
                    PointsError::TooLarge => "points are at most 1,000,000,000, either way",
                })
            })
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        let hundredths = self.0.hundredths();
        if hundredths % 100 == 0 {
            return Value::Number((hundredths / 100).into());
        }
        // The nearest double of a number of hundredths prints as those hundredths.
        let value = hundredths as f64 / 100.0;
        serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

impl From<points::Points> for Points {
    fn from(points: points::Points) -> Self {
        Self(points)
    }
}

/// A calendar year or month in Asia/Shanghai (年度、月份).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub period::Period);

/// 年度或月份 · A calendar year `2022` or month `2022-07`, Asia/Shanghai.
#[Scalar(name = "Period")]
impl ScalarType for Period {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        period::Period::parse(text)
            .map(Self)
            .ok_or_else(|| InputValueError::custom(format!("neither a year nor a month: {text:.40?}")))
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<period::Period> for Period {
    fn from(period: period::Period) -> Self {
        Self(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_out_as_they_came_in() {
        for (json, shown) in [
            ("5", "5"),
            ("5.00", "5"),
            ("0.1", "0.1"),
            ("-0.07", "-0.07"),
            ("1e2", "100"),
            ("999999999.99", "999999999.99"),
            ("-1000000000", "-1000000000"),
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            let points = Points::parse(Value::from_json(value).unwrap()).unwrap();
            assert_eq!(points.to_value().to_string(), shown);
        }
        // More than an entry has, as a total may.
        let total = points::Points::from_hundredths(123_456_789_012_345);
        assert_eq!(Points(total).to_value().to_string(), "1234567890123.45");
    }

    #[test]
    fn what_is_no_amount_of_points_is_refused() {
        for json in ["1.005", "1e400", "\"5\"", "null", "true", "1000000000.01", "1e-3"] {
            let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else {
                continue;
            };
            assert!(Points::parse(Value::from_json(value).unwrap()).is_err(), "{json}");
        }
    }
}
