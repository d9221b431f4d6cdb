//! Variables fit where they are used (GraphQL September 2025, section 5.8.5), and what follows when they are left out or null
//! (6.4.1): async-graphql holds neither types of variables against those of places, nor does it use an argument's default where
//! its variable is left out.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, Selection, SelectionSet, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::places::{Of, Place, Scope};
use super::{Invalid, MOST_FAULTS, shown};
use crate::graphql::error::ApiError;
use crate::graphql::sdl::{InputType, SchemaTypes};
use crate::kernel::message::Message;

/// What a valid document makes of variables that are left out or null.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Uses {
    /// Variables that stand for arguments which have a default, and where.
    defaulted: Vec<(Name, Pos)>,
    /// Variables that may be left out and not be null, by operation: what they are used for has a default.
    not_null: HashMap<Option<Name>, HashMap<Name, String>>,
}

impl Uses {
    /// Refuses null for variables that are used where nothing may be null. The specification makes errors of the fields of it; but
    /// such an error would take more with it than its field.
    ///
    /// # Errors
    ///
    /// BAD_REQUEST for each.
    pub fn check(&self, operation: Option<&Name>, variables: &Variables) -> Result<(), Vec<ApiError>> {
        let not_null = self.not_null.get(&operation.cloned()).into_iter().flatten();
        let mut faults: Vec<(&Name, ApiError)> = not_null
            .filter(|(name, _)| matches!(variables.get(*name), Some(ConstValue::Null)))
            .map(|(name, ty)| {
                let variable = shown(name);
                let error = ApiError::bad_request(Message::new(
                    format!("变量 {variable}：不能为 null，用于 {ty}"),
                    format!("Variable {variable}: null is no {ty}, which it is used for"),
                ));
                (name, error.with("variable", variable))
            })
            .collect();
        faults.sort_by_key(|(name, _)| *name);
        faults.truncate(MOST_FAULTS);
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults.into_iter().map(|(_, error)| error).collect()),
        }
    }

    /// Takes arguments out of a document whose variables are left out and that have defaults: then these count.
    pub fn leave_out(&self, document: &mut ExecutableDocument, variables: &Variables) {
        let left_out = self.defaulted.iter();
        let left_out: HashSet<Pos> = left_out
            .filter(|(name, _)| !variables.contains_key(name))
            .map(|(_, pos)| *pos)
            .collect();
        if left_out.is_empty() {
            return;
        }
        let fragments = document.fragments.values_mut();
        let mut open: Vec<&mut SelectionSet> = fragments
            .map(|fragment| &mut fragment.node.selection_set.node)
            .collect();
        match &mut document.operations {
            DocumentOperations::Single(operation) => open.push(&mut operation.node.selection_set.node),
            DocumentOperations::Multiple(operations) => {
                let operations = operations.values_mut();
                open.extend(operations.map(|operation| &mut operation.node.selection_set.node));
            }
        }
        while let Some(set) = open.pop() {
            for selection in &mut set.items {
                match &mut selection.node {
                    Selection::Field(field) => {
                        let field = &mut field.node;
                        field.arguments.retain(|(_, value)| {
                            !(matches!(value.node, Value::Variable(_)) && left_out.contains(&value.pos))
                        });
                        open.push(&mut field.selection_set.node);
                    }
                    Selection::InlineFragment(fragment) => open.push(&mut fragment.node.selection_set.node),
                    Selection::FragmentSpread(_) => {}
                }
            }
        }
    }

    /// Bytes that it takes, about.
    pub fn weight(&self) -> u64 {
        let not_null = self.not_null.values().map(HashMap::len).sum::<usize>();
        (self.defaulted.len() + not_null) as u64 * 64
    }
}

/// A variable where it is used.
struct Usage<'a> {
    name: &'a str,
    at: Pos,
    expects: &'a Type,
    has_default: bool,
    /// The input of one field whose field it is.
    one_of: Option<&'a str>,
}

/// Holds each use against the variable's type, in every operation that reaches it.
///
/// # Errors
///
/// Uses that do not fit, with the places of the use and of the definition.
pub(super) fn check<'a>(scopes: &[Scope<'a>], types: &'a SchemaTypes) -> Result<Uses, Vec<Invalid>> {
    let mut uses = Uses::default();
    let mut by_fragment: HashMap<&str, (Vec<Usage<'a>>, &[&'a str])> = HashMap::new();
    let mut by_operation = Vec::new();
    for scope in scopes {
        let usages = scope.places.iter().flat_map(|place| {
            if let Value::Variable(name) = &place.value.node
                && place.expects.has_default
                && !place.is_directive
            {
                uses.defaulted.push((name.clone(), place.value.pos));
            }
            usages_of(place, types)
        });
        let usages: Vec<_> = usages.collect();
        match scope.of {
            Of::Fragment(name) => {
                by_fragment.insert(name, (usages, scope.spreads.as_slice()));
            }
            Of::Operation(name, operation) => {
                by_operation.push((name, operation, usages, scope.spreads.as_slice()))
            }
        }
    }
    let mut faults = Vec::new();
    for (name, operation, usages, spreads) in &by_operation {
        let definitions: HashMap<&str, &Positioned<VariableDefinition>> = operation
            .variable_definitions
            .iter()
            .map(|definition| (definition.node.name.node.as_str(), definition))
            .collect();
        if definitions.is_empty() {
            continue;
        }
        let mut reached: HashSet<&str> = HashSet::new();
        let mut open: Vec<(&[Usage<'a>], &[&'a str])> = vec![(usages.as_slice(), *spreads)];
        while let Some((usages, spreads)) = open.pop() {
            for usage in usages {
                let Some(definition) = definitions.get(usage.name) else {
                    continue;
                };
                match fit(usage, &definition.node) {
                    Fit::Fits => {}
                    Fit::UnlessNull => {
                        let of_operation = uses.not_null.entry(name.cloned()).or_default();
                        of_operation
                            .entry(Name::new(usage.name))
                            .or_insert_with(|| not_null(usage.expects).to_string());
                    }
                    Fit::Not if faults.len() < MOST_FAULTS => faults.push(misfit(usage, definition)),
                    Fit::Not => {}
                }
            }
            let fragments = spreads.iter().filter(|name| reached.insert(**name));
            open.extend(
                fragments
                    .filter_map(|name| by_fragment.get(name))
                    .map(|(usages, spreads)| (usages.as_slice(), *spreads)),
            );
        }
    }
    match faults.is_empty() {
        true => Ok(uses),
        false => Err(faults),
    }
}

/// The variables in one argument.
fn usages_of<'a>(place: &Place<'a>, types: &'a SchemaTypes) -> Vec<Usage<'a>> {
    let at = place.value.pos;
    let mut usages = Vec::new();
    let mut open = vec![(
        &place.value.node,
        &place.expects.ty,
        place.expects.has_default,
        None,
    )];
    while let Some((value, expects, has_default, one_of)) = open.pop() {
        match (value, &expects.base) {
            (Value::Variable(name), _) => usages.push(Usage {
                name: name.as_str(),
                at,
                expects,
                has_default,
                one_of,
            }),
            (Value::List(items), BaseType::List(item)) => {
                open.extend(
                    items
                        .iter()
                        .rev()
                        .map(|value| (value, item.as_ref(), false, None)),
                );
            }
            // A single value stands for a list of one.
            (Value::Object(_), BaseType::List(item)) => open.push((value, item, false, None)),
            (Value::Object(given), BaseType::Named(name)) => {
                if let Some(InputType::Object { fields, one_of }) = types.input(name) {
                    let one_of = one_of.then_some(name.as_str());
                    let known = given.iter().rev().filter_map(|(key, value)| {
                        let field = fields.get(key.as_str())?;
                        Some((value, &field.ty, field.has_default, one_of))
                    });
                    open.extend(known);
                }
            }
            _ => {}
        }
    }
    usages
}

fn not_null(ty: &Type) -> Type {
    Type {
        nullable: false,
        ..ty.clone()
    }
}

/// Whether a variable may stand where it does.
enum Fit {
    Fits,
    /// As long as it is not given as null.
    UnlessNull,
    Not,
}

/// IsVariableUsageAllowed.
fn fit(usage: &Usage<'_>, definition: &VariableDefinition) -> Fit {
    let ty = &definition.var_type.node;
    // IsNonNullPosition
    let may_be_null = usage.expects.nullable && usage.one_of.is_none();
    if may_be_null || !ty.nullable {
        return match takes(usage.expects, ty, usage.expects.nullable) {
            true => Fit::Fits,
            false => Fit::Not,
        };
    }
    let default = definition.default_value.as_ref();
    let has_default = default.is_some_and(|default| default.node != ConstValue::Null);
    match (has_default || usage.has_default) && takes(usage.expects, ty, true) {
        true => Fit::UnlessNull,
        false => Fit::Not,
    }
}

/// AreTypesCompatible; `nullable` in place of what the place's type itself says.
fn takes(place: &Type, variable: &Type, nullable: bool) -> bool {
    if !nullable && variable.nullable {
        return false;
    }
    match (&place.base, &variable.base) {
        (BaseType::List(place), BaseType::List(variable)) => takes(place, variable, place.nullable),
        (BaseType::Named(place), BaseType::Named(variable)) => place == variable,
        _ => false,
    }
}

fn misfit(usage: &Usage<'_>, definition: &Positioned<VariableDefinition>) -> Invalid {
    let (name, ty) = (
        shown(usage.name),
        shown(&definition.node.var_type.node.to_string()),
    );
    let at = [usage.at, definition.pos];
    let default = definition.node.default_value.as_ref();
    let may_be_null = definition.node.var_type.node.nullable
        && default.is_none_or(|default| default.node == ConstValue::Null);
    let mut misfit = match usage.one_of {
        Some(input) if may_be_null => Invalid::new(
            at,
            format!("变量 ${name} 的类型 {ty} 可为 null，不能用作 {input} 的字段"),
            format!("Variable ${name} of type {ty} may be null and cannot be a field of {input}"),
        ),
        _ => Invalid::new(
            at,
            format!("变量 ${name} 的类型 {ty} 不能用于 {}", usage.expects),
            format!(
                "Variable ${name} of type {ty} cannot be used where {} is expected",
                usage.expects
            ),
        ),
    };
    misfit.error = misfit.error.with("variable", name);
    misfit
}
