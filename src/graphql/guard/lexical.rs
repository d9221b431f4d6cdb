//! The first stage: one pass over the bytes, no recursion, no allocation.

use super::{Limit, Limits, Refused, check};

/// What the text is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Tokens: punctuators, names, numbers and strings.
    pub tokens: u64,
    /// The most brackets open at once.
    pub nesting: u64,
}

/// Checks bytes, bracket nesting and tokens of a text that may be anything.
///
/// Brackets in strings and comments do not count, so this must see strings exactly where the parser sees
/// them: what is a string without an end here is refused, for the parser might go on behind its beginning.
pub fn scan(document: &str, limits: &Limits) -> Result<Scanned, Refused> {
    let bytes = document.as_bytes();
    check(Limit::DocumentBytes, limits.document_bytes, bytes.len() as u64)?;
    let mut found = Scanned::default();
    let mut open = 0_u64;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let at = bytes.len() - rest.len();
        rest = match byte {
            b' ' | b'\t' | b',' | b'\n' | b'\r' | 0xEF | 0xBB | 0xBF => {
                rest = after;
                continue;
            }
            b'#' => {
                rest = skip(rest, |b| b != b'\n' && b != b'\r');
                continue;
            }
            b'"' => string(rest).ok_or(Refused::Unterminated { at })?,
            b'.' => rest.strip_prefix(b"...").unwrap_or(after),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => skip(rest, |b| b == b'_' || b.is_ascii_alphanumeric()),
            b'-' | b'0'..=b'9' => skip(after, |b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_')
            }),
            b'(' | b'[' | b'{' => {
                open += 1;
                found.nesting = found.nesting.max(open);
                after
            }
            b')' | b']' | b'}' => {
                open = open.saturating_sub(1);
                after
            }
            _ => after,
        };
        found.tokens += 1;
    }
    check(Limit::Nesting, limits.nesting, found.nesting)?;
    check(Limit::Tokens, limits.tokens, found.tokens)?;
    Ok(found)
}

fn skip(bytes: &[u8], keep: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|&b| !keep(b)).unwrap_or(bytes.len());
    bytes.get(end..).unwrap_or_default()
}

/// What follows the string that `bytes` begins with; none if it does not end.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let Some(mut rest) = bytes.strip_prefix(b"\"\"\"") else {
        let mut rest = bytes.get(1..)?;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = match byte {
                b'"' => return Some(after),
                b'\n' | b'\r' => return None,
                b'\\' => after.get(1..)?,
                _ => after,
            };
        }
    };
    loop {
        if let Some(after) = rest.strip_prefix(b"\"\"\"") {
            return Some(after);
        }
        rest = match rest.strip_prefix(b"\\\"\"\"") {
            Some(after) => after,
            None => rest.get(1..)?,
        };
    }
}
