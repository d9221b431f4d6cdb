//! Pages of the Relay Cursor Connections specification, by keyset.
//!
//! A cursor holds the values of the order's columns at its row, and the order's name, so that a cursor
//! of another list is told apart instead of being misread.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::message::Message;

/// How many a connection gives when neither `first` nor `last` is given.
pub const DEFAULT_PAGE: u32 = 50;
/// How many it gives at most.
pub const MAX_PAGE: u32 = 200;

/// Why page arguments cannot be taken; a BAD_REQUEST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Both `first` and `last`.
    #[error("first and last together")]
    Both,
    /// A negative `first` or `last`.
    #[error("negative page size")]
    Negative,
    /// Above [`MAX_PAGE`].
    #[error("page size above the limit")]
    TooMany(i32),
    /// A cursor that this list did not hand out.
    #[error("foreign cursor")]
    Cursor,
}

impl PageError {
    /// The error in words, with the limit where one was passed.
    pub fn message(self) -> Message {
        match self {
            Self::Both => Message::new(
                "first 与 last 不能同时使用",
                "first and last cannot be used together",
            ),
            Self::Negative => Message::new("first 和 last 不能为负数", "first and last cannot be negative"),
            Self::TooMany(given) => Message::new(
                format!("一页最多 {MAX_PAGE} 条，请求了 {given} 条"),
                format!("A page has at most {MAX_PAGE} items, {given} were asked for"),
            ),
            Self::Cursor => Message::new(
                "游标无效：不是本列表给出的",
                "Invalid cursor: this list did not give it",
            ),
        }
    }
}

/// The four arguments of a connection as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageArgs {
    /// How many from the start of the list.
    pub first: Option<i32>,
    /// The cursor they come after.
    pub after: Option<String>,
    /// How many from the end of the list.
    pub last: Option<i32>,
    /// The cursor they come before.
    pub before: Option<String>,
}

/// Checked arguments: how many rows, from which end, between which keys.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest {
    /// How many rows at most.
    pub limit: u32,
    /// From the end of the list backwards (`last`).
    pub backward: bool,
    /// Rows after this key only.
    pub after: Option<Vec<Value>>,
    /// Rows before this key only.
    pub before: Option<Vec<Value>>,
}

impl PageArgs {
    /// Checks the arguments for a list ordered by `order` (its name and number of key columns).
    pub fn check(&self, order: &str, columns: usize) -> Result<PageRequest, PageError> {
        let (limit, backward) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(PageError::Both),
            (Some(n), None) => (n, false),
            (None, Some(n)) => (n, true),
            (None, None) => (DEFAULT_PAGE as i32, false),
        };
        let limit = u32::try_from(limit).map_err(|_| PageError::Negative)?;
        if limit > MAX_PAGE {
            return Err(PageError::TooMany(limit as i32));
        }
        let key = |text: &Option<String>| {
            text.as_deref()
                .map(|t| decode_cursor(order, columns, t).ok_or(PageError::Cursor))
                .transpose()
        };
        Ok(PageRequest {
            limit,
            backward,
            after: key(&self.after)?,
            before: key(&self.before)?,
        })
    }
}

/// One page, in list order whatever the direction it was read in.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows with their cursors.
    pub items: Vec<(Cursor, T)>,
    /// Whether rows follow, as far as was asked (Relay 4.4: forward paging, or a `before` was given).
    pub has_next: bool,
    /// Whether rows come before, likewise.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// A page with nothing on it and nothing around it.
    pub fn empty() -> Self {
        Self {
            items: Vec::new(),
            has_next: false,
            has_previous: false,
        }
    }

    /// Builds the page from rows read in reading direction, one more than `limit` where there are more.
    pub fn from_rows(request: &PageRequest, mut rows: Vec<(Cursor, T)>) -> Self {
        let more = rows.len() > request.limit as usize;
        rows.truncate(request.limit as usize);
        if request.backward {
            rows.reverse();
            Self {
                items: rows,
                has_next: request.before.is_some(),
                has_previous: more,
            }
        } else {
            Self {
                items: rows,
                has_next: more,
                has_previous: request.after.is_some(),
            }
        }
    }

    /// The same page of other things, if each can be made.
    pub fn try_map<U, E>(self, mut f: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self
            .items
            .into_iter()
            .map(|(cursor, item)| Ok((cursor, f(item)?)))
            .collect::<Result<_, E>>()?;
        Ok(Page {
            items,
            has_next: self.has_next,
            has_previous: self.has_previous,
        })
    }

    /// The same page of other things.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self
                .items
                .into_iter()
                .map(|(cursor, item)| (cursor, f(item)))
                .collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

/// The cursor of a row: the order's name and the row's key. Most are never asked for, so that it becomes a text only
/// then.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    order: &'static str,
    key: Vec<Value>,
}

impl Cursor {
    /// The cursor of a row with this key in an order.
    pub fn new(order: &'static str, key: Vec<Value>) -> Self {
        Self { order, key }
    }

    /// What clients hold.
    pub fn encode(&self) -> String {
        let name = Value::from(self.order);
        let parts: Vec<&Value> = std::iter::once(&name).chain(&self.key).collect();
        // Values of JSON are always written.
        URL_SAFE_NO_PAD.encode(serde_json::to_string(&parts).unwrap_or_default())
    }
}

/// What keys are made of. No list is ordered by fractions, which would not come back as they were written either.
fn is_key(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn decode_cursor(order: &str, columns: usize, text: &str) -> Option<Vec<Value>> {
    if text.len() > 4096 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let parts: Vec<Value> = serde_json::from_slice(&bytes).ok()?;
    let (name, key) = parts.split_first()?;
    (name.as_str() == Some(order) && key.len() == columns && key.iter().all(is_key)).then(|| key.to_vec())
}
