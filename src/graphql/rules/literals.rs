//! Values that are written in a document fit the types where they stand (GraphQL September 2025, section 5.6).
//!
//! async-graphql's validation looks at no value that holds a variable, takes strings for enums, anything for an input that is no
//! object, and numbers that fit no Int (3.5.1); the field then fails while it is executed. Nothing recurses.

use std::collections::HashMap;

use async_graphql::Pos;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql_value::Value;

use super::places::{Of, Scope};
use super::{Invalid, MOST_FAULTS, shown};
use crate::graphql::sdl::{InputField, InputType, SchemaTypes};

/// Finds the arguments and defaults of variables that do not fit.
pub(super) fn check(scopes: &[Scope<'_>], types: &SchemaTypes) -> Vec<Invalid> {
    let mut faults = Vec::new();
    for scope in scopes {
        if let Of::Operation(_, operation) = scope.of {
            for definition in &operation.variable_definitions {
                let definition = &definition.node;
                let Some(default) = &definition.default_value else {
                    continue;
                };
                let value = default.node.clone().into_value();
                if let Some(problem) = problem(&value, &definition.var_type.node, types) {
                    let name = shown(&definition.name.node);
                    let (zh, en) = (
                        format!("变量 ${name} 的默认值"),
                        format!("The default of ${name}"),
                    );
                    faults.push(problem.told(default.pos, &zh, &en));
                }
                if faults.len() >= MOST_FAULTS {
                    return faults;
                }
            }
        }
        for place in &scope.places {
            let Some(problem) = problem(&place.value.node, &place.expects.ty, types) else {
                continue;
            };
            let sign = if place.is_directive { "@" } else { "" };
            let (of, argument) = (shown(place.of), shown(place.argument));
            let zh = format!("{sign}{of} 的参数 {argument}");
            let en = format!("Argument {argument} of {sign}{of}");
            faults.push(problem.told(place.value.pos, &zh, &en));
            if faults.len() >= MOST_FAULTS {
                return faults;
            }
        }
    }
    faults
}

/// What is wrong with a value.
enum Problem<'a> {
    /// A number that fits no Int.
    Beyond(String),
    Null(&'a Type),
    Not(&'a str),
    NotOf(&'a str),
    OneOf(&'a str),
    Unknown(&'a str, String),
    Missing(&'a str, &'a str, &'a Type),
}

impl Problem<'_> {
    fn told(self, at: Pos, zh: &str, en: &str) -> Invalid {
        let (zh_of_it, en_of_it) = match self {
            Self::Beyond(number) => (
                format!("{number} 超出整数（Int，32 位）的范围"),
                format!("{number} does not fit an Int of 32 bits"),
            ),
            Self::Null(ty) => (format!("不能为 null，类型为 {ty}"), format!("null is no {ty}")),
            Self::Not(name) => (format!("不是有效的 {name}"), format!("not a valid {name}")),
            // Which there are is for those to see who may introspect.
            Self::NotOf(name) => (format!("不是 {name} 的值"), format!("no value of {name}")),
            Self::OneOf(name) => (
                format!("{name} 必须且只能给出一个非 null 字段"),
                format!("{name} takes exactly one field, and not null"),
            ),
            Self::Unknown(name, field) => (
                format!("{name} 没有字段 {field}"),
                format!("{name} has no field {field}"),
            ),
            Self::Missing(name, field, ty) => (
                format!("{name} 的字段 {field} 必须给出，类型为 {ty}"),
                format!("{name} requires {field}, a value of type {ty}"),
            ),
        };
        Invalid::new([at], format!("{zh}：{zh_of_it}"), format!("{en}: {en_of_it}"))
    }
}

/// The first thing that is wrong with a value; what variables stand for is seen when they are given.
fn problem<'a>(value: &'a Value, ty: &'a Type, types: &'a SchemaTypes) -> Option<Problem<'a>> {
    let mut open = vec![(value, ty)];
    while let Some((value, ty)) = open.pop() {
        match (value, &ty.base) {
            (Value::Variable(_), _) => {}
            (Value::Null, _) if ty.nullable => {}
            (Value::Null, _) => return Some(Problem::Null(ty)),
            (Value::List(items), BaseType::List(item)) => {
                open.extend(items.iter().rev().map(|value| (value, item.as_ref())));
            }
            // A single value stands for a list of one.
            (_, BaseType::List(item)) => open.push((value, item)),
            (_, BaseType::Named(name)) => match (types.input(name), value) {
                (Some(InputType::Object { fields, one_of }), Value::Object(given)) => {
                    let is_one = || given.len() == 1 && !given.values().any(|v| *v == Value::Null);
                    if *one_of && !is_one() {
                        return Some(Problem::OneOf(name));
                    }
                    if let Some(unknown) = given.keys().find(|key| !fields.contains_key(key.as_str())) {
                        return Some(Problem::Unknown(name, shown(unknown)));
                    }
                    if let Some((field, ty)) =
                        missing(fields, |field| given.contains_key(field)).filter(|_| !one_of)
                    {
                        return Some(Problem::Missing(name, field, ty));
                    }
                    let inner = given.iter().rev();
                    open.extend(
                        inner.filter_map(|(key, value)| Some((value, &fields.get(key.as_str())?.ty))),
                    );
                }
                (Some(InputType::Object { .. }), _) => return Some(Problem::Not(name)),
                (Some(InputType::Enum(values)), Value::Enum(given))
                    if values.iter().any(|value| value == given.as_str()) => {}
                (Some(InputType::Enum(_)), _) => return Some(Problem::NotOf(name)),
                (Some(InputType::Scalar(Some(takes))), _) => {
                    let fits = match value.clone().into_const() {
                        Some(value) => takes(&value),
                        // Made of variables, which no scalar here is.
                        None => false,
                    };
                    match value {
                        _ if fits => {}
                        Value::Number(number) if name == "Int" => {
                            return Some(Problem::Beyond(shown(&number.to_string())));
                        }
                        _ => return Some(Problem::Not(name)),
                    }
                }
                // Types that do not exist others tell of.
                (Some(InputType::Scalar(None)) | None, _) => {}
            },
        }
    }
    None
}

/// The first field, by name, that has to be given and is not.
fn missing(fields: &HashMap<String, InputField>, is_given: impl Fn(&str) -> bool) -> Option<(&str, &Type)> {
    let required = fields
        .iter()
        .filter(|(_, field)| !field.ty.nullable && !field.has_default);
    let missing = required.filter(|(name, _)| !is_given(name));
    let first = missing.min_by_key(|(name, _)| name.as_str());
    first.map(|(name, field)| (name.as_str(), &field.ty))
}
