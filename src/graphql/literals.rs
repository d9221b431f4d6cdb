//! Numbers that are written in a document where an Int is expected, and do not fit one (GraphQL October 2021, sections 3.5.1
//! and 5.6.1). async-graphql's validation lets them pass, and the field then fails while it is executed.
//!
//! Everything else about literals its validation knows. Each fragment is read once, and nothing recurses.

use async_graphql::Value as ConstValue;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Selection, SelectionSet, Type};
use async_graphql_value::Value;

use super::error::ApiError;
use super::sdl::{InputType, SchemaTypes};
use crate::kernel::message::Message;

/// How many faults are told at once.
const MOST_FAULTS: usize = 10;

/// Finds them in all operations and fragments of a document that the guard has let pass.
///
/// # Errors
///
/// BAD_REQUEST for each, with the argument that holds it.
pub(super) fn check(document: &ExecutableDocument, types: &SchemaTypes) -> Result<(), Vec<ApiError>> {
    let operations = document.operations.iter().map(|(_, operation)| {
        let operation = &operation.node;
        (&operation.selection_set.node, types.root(operation.ty))
    });
    let fragments = document.fragments.values().map(|fragment| {
        let parent = fragment.node.type_condition.node.on.node.as_str();
        (&fragment.node.selection_set.node, Some(parent))
    });
    let mut faults = Vec::new();
    let mut open: Vec<(&SelectionSet, Option<&str>)> = operations.chain(fragments).collect();
    while let Some((set, parent)) = open.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let known = parent.and_then(|parent| types.output(parent, &field.name.node));
                    for (name, value) in &field.arguments {
                        let ty = known.and_then(|known| known.arguments.get(name.node.as_str()));
                        if let Some(ty) = ty
                            && faults.len() < MOST_FAULTS
                            && let Some(number) = beyond_int(&value.node, ty, types)
                        {
                            faults.push(fault(&field.name.node, &name.node, &number));
                        }
                    }
                    open.push((&field.selection_set.node, known.map(|known| known.ty.as_str())));
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment
                        .type_condition
                        .as_ref()
                        .map(|on| on.node.on.node.as_str());
                    open.push((&fragment.selection_set.node, on.or(parent)));
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults),
    }
}

fn fault(field: &str, argument: &str, number: &str) -> ApiError {
    let number: String = number.chars().take(40).collect();
    ApiError::bad_request(Message::new(
        format!("{field} 的参数 {argument}：{number} 超出整数（Int，32 位）的范围"),
        format!("Argument {argument} of {field}: {number} does not fit an Int of 32 bits"),
    ))
}

/// The first number in a value that stands where an Int is expected and does not fit one.
fn beyond_int(value: &Value, ty: &Type, types: &SchemaTypes) -> Option<String> {
    let mut open = vec![(value, ty)];
    while let Some((value, ty)) = open.pop() {
        match (value, &ty.base) {
            (Value::List(items), BaseType::List(item)) => {
                open.extend(items.iter().map(|value| (value, item.as_ref())));
            }
            // A single value stands for a list of one.
            (_, BaseType::List(item)) => open.push((value, item)),
            (Value::Object(fields), BaseType::Named(name)) => {
                let Some(InputType::Object { fields: known, .. }) = types.input(name) else {
                    continue;
                };
                let known = fields
                    .iter()
                    .filter_map(|(name, value)| Some((value, &known.get(name.as_str())?.ty)));
                open.extend(known);
            }
            (Value::Number(number), BaseType::Named(name)) if name == "Int" => {
                let fits = types.takes("Int", &ConstValue::Number(number.clone()));
                if !fits {
                    return Some(number.to_string());
                }
            }
            _ => {}
        }
    }
    None
}
