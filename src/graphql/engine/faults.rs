//! Why a request is not run, in words.

use std::collections::HashMap;

use async_graphql::{ServerError, parser};

use crate::graphql::error::ApiError;
use crate::graphql::prepare::{Fault, Invalid};
use crate::kernel::message::Message;

/// Errors of validation that are told at once: a document may be wrong everywhere.
const MOST_ERRORS: usize = 20;

/// Places of each.
const MOST_PLACES: usize = 10;

/// Characters of each.
const MOST_CHARACTERS: usize = 500;

/// Validation waited for something; a defect.
#[derive(Debug, thiserror::Error)]
#[error("validation did not end")]
pub(super) struct Unfinished;

pub(super) fn no_operation(name: Option<&str>) -> Fault {
    let message = match name {
        Some(name) => {
            let shown: String = name.chars().take(60).collect();
            Message::new(
                format!("文档中没有名为 {shown} 的操作"),
                format!("The document has no operation named {shown}"),
            )
        }
        None => Message::new(
            "文档包含多个操作，请给出 operationName",
            "The document has several operations: give operationName",
        ),
    };
    Fault::Request(vec![ApiError::bad_request(message)])
}

/// What is told of a text that is no document: the parser's own words are a picture of many lines, in terms of its grammar.
pub(super) fn unparsed(error: parser::Error) -> Fault {
    match error {
        parser::Error::Syntax { start, .. } => Fault::Invalid(vec![Invalid {
            error: ApiError::bad_request(Message::new(
                format!("语法错误：第 {} 行第 {} 列", start.line, start.column),
                format!("Syntax error at line {}, column {}", start.line, start.column),
            )),
            at: vec![start],
        }]),
        error => faulty(vec![error.into()]),
    }
}

/// What is told of a document's faults: its own names stand in them, of any length. What is wrong in the same way in several places
/// is one fault, and a fragment's are found again in each operation that reaches it.
pub(super) fn faulty(errors: Vec<ServerError>) -> Fault {
    let mut told: Vec<ServerError> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for mut error in errors {
        unsuggest(&mut error.message);
        if let Some(same) = known.get(&error.message).and_then(|&at| told.get_mut(at)) {
            for place in error.locations {
                if same.locations.len() < MOST_PLACES && !same.locations.contains(&place) {
                    same.locations.push(place);
                }
            }
        } else if told.len() < MOST_ERRORS {
            known.insert(error.message.clone(), told.len());
            told.push(error);
        }
    }
    for error in &mut told {
        if let Some((end, _)) = error.message.char_indices().nth(MOST_CHARACTERS) {
            error.message.truncate(end);
            error.message.push('…');
        }
    }
    Fault::Document(told)
}

/// async-graphql suggests arguments of directives also where it is to suggest nothing. No name has a space.
fn unsuggest(message: &mut String) {
    if message.starts_with("Unknown argument")
        && let Some(end) = message.find(" Did you mean ")
    {
        message.truncate(end);
    }
}
