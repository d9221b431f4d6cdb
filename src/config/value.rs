//! Values as they stand in the layers, and the types they become.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::NaiveDate;
use toml::{
    Spanned,
    de::{DeArray, DeValue},
};

use crate::{auth::Role, kernel::secret::Secret};

/// A value as it was given: text from the environment and from flags, else what TOML has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// From the environment or a flag: it has no type of its own.
    Text(String),
    String(String),
    Integer(i64),
    Boolean(bool),
    Float(f64),
    Date(String),
    List(Vec<Raw>),
    /// What no setting is: a table, a number that is none.
    Other(&'static str),
}

impl Raw {
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::String(text.to_string()),
            DeValue::Boolean(value) => Self::Boolean(*value),
            DeValue::Datetime(date) => Self::Date(date.to_string()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or(Self::Other("an integer out of range"), Self::Integer),
            DeValue::Array(items) => Self::list(items),
            DeValue::Float(float) => float.as_str().parse().map_or(Self::Other("a float"), Self::Float),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    fn list(items: &DeArray<'_>) -> Self {
        Self::List(
            items
                .iter()
                .map(|item: &Spanned<DeValue<'_>>| Self::of(item.get_ref()))
                .collect(),
        )
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::String(text) => Some(text.trim()),
            _ => None,
        }
    }
}

/// A type that settings have.
pub(super) trait Setting: Sized {
    /// What a value must be, to stand after "must be".
    const WHAT: &'static str;

    /// None for what is not of this type.
    fn of(raw: &Raw) -> Option<Self>;
}

impl Setting for String {
    const WHAT: &'static str = "a text that is not empty";

    fn of(raw: &Raw) -> Option<Self> {
        raw.text().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

impl Setting for Secret {
    const WHAT: &'static str = String::WHAT;

    fn of(raw: &Raw) -> Option<Self> {
        String::of(raw).map(Secret::new)
    }
}

impl Setting for PathBuf {
    const WHAT: &'static str = "a path";

    fn of(raw: &Raw) -> Option<Self> {
        String::of(raw).map(PathBuf::from)
    }
}

/// A list; in the environment and in flags separated by commas.
fn list<T: Setting>(raw: &Raw) -> Option<Vec<T>> {
    match raw {
        Raw::List(items) => items.iter().map(T::of).collect(),
        Raw::Text(text) => text.split(',').map(|t| T::of(&Raw::Text(t.to_owned()))).collect(),
        _ => None,
    }
}

impl Setting for Vec<PathBuf> {
    const WHAT: &'static str = "a list of paths";

    fn of(raw: &Raw) -> Option<Self> {
        list(raw)
    }
}

impl Setting for Vec<String> {
    const WHAT: &'static str = "a list of texts";

    fn of(raw: &Raw) -> Option<Self> {
        list(raw)
    }
}

impl Setting for Vec<Secret> {
    const WHAT: &'static str = Vec::<String>::WHAT;

    fn of(raw: &Raw) -> Option<Self> {
        list(raw)
    }
}

/// What a platform may say as a number or as a text: `200` and `"200"` are one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word(pub String);

impl Setting for Word {
    const WHAT: &'static str = "a text or a whole number";

    fn of(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Integer(value) => Some(Self(value.to_string())),
            Raw::Boolean(value) => Some(Self(value.to_string())),
            raw => String::of(raw).map(Self),
        }
    }
}

impl Setting for Vec<Word> {
    const WHAT: &'static str = "a list of texts or whole numbers";

    fn of(raw: &Raw) -> Option<Self> {
        list(raw)
    }
}

/// Roles; `true` is all of them, `false` none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles(pub Vec<Role>);

impl Setting for Roles {
    const WHAT: &'static str = "true, false, or a list of roles such as [\"DISTRICT_ADMIN\"]";

    fn of(raw: &Raw) -> Option<Self> {
        if let Some(all) = bool::of(raw) {
            let roles = if all { Role::ALL.to_vec() } else { Vec::new() };
            return Some(Self(roles));
        }
        let names: Vec<String> = list(raw)?;
        let roles: Option<Vec<Role>> = names.iter().map(|name| Role::parse(name)).collect();
        roles.map(Self)
    }
}

impl Setting for bool {
    const WHAT: &'static str = "true or false";

    fn of(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Boolean(value) => Some(*value),
            Raw::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

impl Setting for u32 {
    const WHAT: &'static str = "a whole number, not negative";

    fn of(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Integer(value) => u32::try_from(*value).ok(),
            Raw::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

impl Setting for f64 {
    const WHAT: &'static str = "a number";

    fn of(raw: &Raw) -> Option<Self> {
        let value = match raw {
            Raw::Float(value) => *value,
            Raw::Integer(value) => f64::from(i32::try_from(*value).ok()?),
            Raw::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        value.is_finite().then_some(value)
    }
}

impl Setting for Duration {
    const WHAT: &'static str = "a duration such as \"30s\", \"15m\" or \"8h\"";

    fn of(raw: &Raw) -> Option<Self> {
        humantime::parse_duration(raw.text()?).ok()
    }
}

impl Setting for SocketAddr {
    const WHAT: &'static str = "an address and a port such as \"127.0.0.1:8080\"";

    fn of(raw: &Raw) -> Option<Self> {
        raw.text()?.parse().ok()
    }
}

impl Setting for NaiveDate {
    const WHAT: &'static str = "a date such as 2020-07-01";

    fn of(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Date(text) => text.parse().ok(),
            raw => raw.text()?.parse().ok(),
        }
    }
}
