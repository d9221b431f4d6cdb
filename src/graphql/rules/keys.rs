//! An input has each of its fields once (GraphQL September 2025, section 5.6.3). The parser keeps the last of those of one name, so
//! that this is seen in the text only.

use std::collections::HashSet;

use async_graphql::Pos;

use super::{Invalid, MOST_FAULTS, shown};
use crate::graphql::guard::Tokens;

/// A bracket that is open.
enum Open<'a> {
    Arguments,
    /// With the names of its fields.
    Input(HashSet<&'a [u8]>),
    Other,
}

/// Finds them in a text that has been parsed: one pass over its tokens.
pub(super) fn check(text: &str) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    // Within arguments, or the definitions of variables, what is in braces is an input; elsewhere it is a selection.
    let mut arguments = 0_usize;
    let mut before: Option<(usize, &[u8])> = None;
    for token in Tokens::new(text).flatten() {
        match token.text {
            b"(" => {
                arguments += 1;
                open.push(Open::Arguments);
            }
            b"{" if arguments > 0 => open.push(Open::Input(HashSet::new())),
            b"{" | b"[" => open.push(Open::Other),
            b")" | b"}" | b"]" => {
                if let Some(Open::Arguments) = open.pop() {
                    arguments -= 1;
                }
            }
            b":" => {
                if let (Some(Open::Input(names)), Some((at, name))) = (open.last_mut(), before)
                    && !names.insert(name)
                    && faults.len() < MOST_FAULTS
                {
                    let name = shown(&String::from_utf8_lossy(name));
                    faults.push(Invalid::new(
                        [place(text, at)],
                        format!("同一输入中字段 {name} 出现两次"),
                        format!("The input has its field {name} twice"),
                    ));
                }
            }
            _ => {}
        }
        before = Some((token.at, token.text));
    }
    faults
}

/// Line and column of a byte, as the parser counts them.
fn place(text: &str, at: usize) -> Pos {
    let head = text.get(..at).unwrap_or_default();
    let line = head.matches('\n').count() + 1;
    let last = head.rsplit('\n').next().unwrap_or_default();
    Pos {
        line,
        column: last.chars().count() + 1,
    }
}
