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

/// Checks bytes, bracket nesting, tokens and names of a text that may be anything.
///
/// Brackets in strings and comments do not count, so this must see strings exactly where the parser sees
/// them: what is a string without an end here is refused, for the parser might go on behind its beginning.
pub fn scan(document: &str, limits: &Limits) -> Result<Scanned, Refused> {
    let bytes = document.as_bytes();
    check(Limit::DocumentBytes, limits.document_bytes, bytes.len() as u64)?;
    let mut found = Scanned::default();
    let (mut open, mut longest) = (0_u64, 0);
    for token in Tokens::new(document) {
        match token?.text {
            [b'(' | b'[' | b'{', ..] => {
                open += 1;
                found.nesting = found.nesting.max(open);
            }
            [b')' | b']' | b'}', ..] => open = open.saturating_sub(1),
            name @ [b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => longest = longest.max(name.len() as u64),
            _ => {}
        }
        found.tokens += 1;
    }
    check(Limit::Nesting, limits.nesting, found.nesting)?;
    check(Limit::Tokens, limits.tokens, found.tokens)?;
    check(Limit::NameBytes, limits.name_bytes, longest)?;
    Ok(found)
}

/// A punctuator, name, number or string.
pub(in crate::graphql) struct Token<'a> {
    /// Where it begins, in bytes.
    pub at: usize,
    pub text: &'a [u8],
}

/// The tokens of a text that may be anything; a string that does not end is the last.
pub(in crate::graphql) struct Tokens<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub fn new(document: &'a str) -> Self {
        let bytes = document.as_bytes();
        Self { bytes, rest: bytes }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let begin = self.rest;
            let (&byte, after) = begin.split_first()?;
            let at = self.bytes.len() - begin.len();
            self.rest = match byte {
                b' ' | b'\t' | b',' | b'\n' | b'\r' | 0xEF | 0xBB | 0xBF => {
                    self.rest = after;
                    continue;
                }
                b'#' => {
                    self.rest = skip(begin, |b| b != b'\n' && b != b'\r');
                    continue;
                }
                b'"' => match string(begin) {
                    Some(rest) => rest,
                    None => {
                        self.rest = &[];
                        return Some(Err(Refused::Unterminated { at }));
                    }
                },
                b'.' => begin.strip_prefix(b"...").unwrap_or(after),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => skip(begin, |b| b == b'_' || b.is_ascii_alphanumeric()),
                b'-' | b'0'..=b'9' => skip(after, |b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_')
                }),
                _ => after,
            };
            let length = begin.len() - self.rest.len();
            let text = begin.get(..length).unwrap_or_default();
            return Some(Ok(Token { at, text }));
        }
    }
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
