//! CoerceVariableValues (GraphQL October 2021, section 6.1.2) against the service's own schema.
//!
//! async-graphql checks variables as part of validation, which a document that passed once skips; so they
//! are checked here, for every request, and a value that does not fit is a request error with its path.
//! Values stay as they were given: async-graphql reads them by the same rules. Only what an operation's own
//! default fills in is filled in here, because `@skip` and `@include` would not see it otherwise.

use std::collections::HashSet;

use async_graphql::parser::types::{BaseType, DocumentOperations, OperationDefinition, Type};
use async_graphql::{Value, Variables};

use super::error::ApiError;
use super::sdl::{InputType, SchemaTypes};
use crate::kernel::message::Message;

/// How many faults are told at once.
const MOST_FAULTS: usize = 10;

/// Characters of a path that an error shows: a document may call its variables by names of any length.
const MOST_OF_PATH: usize = 200;

/// Characters of the caller's own text that an error shows.
const MOST_CHARACTERS: usize = 60;

/// Checks the variables of one request and completes them with the operation's defaults.
///
/// # Errors
///
/// BAD_REQUEST for values that are wrong, missing, null or unknown, each with its path such as
/// `input.entries[3].points` in `extensions.variable`.
pub fn coerce(
    types: &SchemaTypes,
    operations: &DocumentOperations,
    operation: &OperationDefinition,
    mut variables: Variables,
) -> Result<Variables, Vec<ApiError>> {
    let mut faults = Faults::default();
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let name = &definition.name.node;
        match (variables.get(name), &definition.default_value) {
            (Some(value), _) => {
                let mut check = Check {
                    types,
                    faults: &mut faults,
                    path: name.to_string(),
                };
                check.value(value, &definition.var_type.node);
            }
            (None, Some(default)) => {
                let mut check = Check {
                    types,
                    faults: &mut faults,
                    path: name.to_string(),
                };
                check.value(&default.node, &definition.var_type.node);
                variables.insert(name.clone(), default.node.clone());
            }
            (None, None) if !definition.var_type.node.nullable => {
                faults.missing(name, &definition.var_type.node);
            }
            (None, None) => {}
        }
    }
    let declared: HashSet<&str> = operations
        .iter()
        .flat_map(|(_, operation)| &operation.node.variable_definitions)
        .map(|definition| definition.node.name.node.as_str())
        .collect();
    let own: HashSet<&str> = operation
        .variable_definitions
        .iter()
        .map(|definition| definition.node.name.node.as_str())
        .collect();
    // Clients that hold several operations in one document may send the variables of all of them.
    variables.retain(|name, _| {
        if !declared.contains(name.as_str()) && !faults.are_enough() {
            // Such names are the caller's text, of any length.
            let shown = shortened(name);
            faults.add(
                &shown,
                format!("未声明变量 ${shown}"),
                format!("Variable ${shown} is not declared"),
            );
        }
        own.contains(name.as_str())
    });
    match faults.0.is_empty() {
        true => Ok(variables),
        false => Err(faults.0),
    }
}

#[derive(Default)]
struct Faults(Vec<ApiError>);

impl Faults {
    /// Whether no more are told: what is given may be wrong a hundred thousand times.
    fn are_enough(&self) -> bool {
        self.0.len() >= MOST_FAULTS
    }

    fn add(&mut self, path: &str, zh: String, en: String) {
        if !self.are_enough() {
            let path: &str = &path.chars().take(MOST_OF_PATH).collect::<String>();
            let error = ApiError::bad_request(Message::new(
                format!("变量 {path}：{zh}"),
                format!("Variable {path}: {en}"),
            ));
            self.0.push(error.with("variable", path));
        }
    }

    fn missing(&mut self, path: &str, ty: &Type) {
        self.add(
            path,
            format!("缺少必填值，类型为 {ty}"),
            format!("a value of type {ty} is required"),
        );
    }
}

/// The caller's text, as much of it as an error shows.
fn shortened(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

struct Check<'a> {
    types: &'a SchemaTypes,
    faults: &'a mut Faults,
    /// Where the value stands: `input.entries[3]`.
    path: String,
}

impl Check<'_> {
    fn value(&mut self, value: &Value, ty: &Type) {
        if matches!(value, Value::Null) {
            if !ty.nullable {
                let (zh, en) = (format!("不能为 null，类型为 {ty}"), format!("null is no {ty}"));
                self.faults.add(&self.path, zh, en);
            }
            return;
        }
        match (&ty.base, value) {
            (BaseType::List(item), Value::List(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.within(&format!("[{index}]"), |check| check.value(value, item));
                    if self.faults.are_enough() {
                        return;
                    }
                }
            }
            // One value stands for a list of one.
            (BaseType::List(item), _) => self.value(value, item),
            (BaseType::Named(name), _) => self.named(value, name),
        }
    }

    fn named(&mut self, value: &Value, name: &str) {
        // Validation reports types that do not exist.
        let types = self.types;
        match (types.input(name), value) {
            (None | Some(InputType::Scalar(None)), _) => {}
            (Some(InputType::Scalar(Some(is_valid))), _) => {
                if !is_valid(value) {
                    self.wrong(name);
                }
            }
            (Some(InputType::Enum(values)), Value::String(text)) if values.contains(text) => {}
            (Some(InputType::Enum(values)), Value::Enum(text))
                if values.iter().any(|v| v == text.as_str()) => {}
            // Which there are is for those to see who may introspect.
            (Some(InputType::Enum(_)), _) => self.faults.add(
                &self.path,
                format!("不是 {name} 的值"),
                format!("no value of {name}"),
            ),
            (Some(InputType::Object { fields, one_of }), Value::Object(given)) => {
                if *one_of && (given.len() != 1 || given.values().any(|v| matches!(v, Value::Null))) {
                    self.faults.add(
                        &self.path,
                        format!("{name} 必须且只能给出一个非 null 字段"),
                        format!("{name} takes exactly one field, and not null"),
                    );
                    return;
                }
                for key in given.keys().filter(|key| !fields.contains_key(key.as_str())) {
                    if self.faults.are_enough() {
                        return;
                    }
                    self.within(&format!(".{}", shortened(key)), |check| {
                        let (zh, en) = (format!("{name} 没有此字段"), format!("{name} has no such field"));
                        check.faults.add(&check.path, zh, en);
                    });
                }
                // In the input's order, not the map's, so that the same fault is told first each time.
                for (key, value) in given {
                    if let Some(field) = fields.get(key.as_str()) {
                        self.within(&format!(".{key}"), |check| check.value(value, &field.ty));
                    }
                }
                let mut missing: Vec<_> = fields
                    .iter()
                    .filter(|(key, f)| !f.ty.nullable && !f.has_default && !given.contains_key(key.as_str()))
                    .collect();
                missing.sort_by_key(|(key, _)| key.as_str());
                for (key, field) in missing {
                    self.within(&format!(".{key}"), |check| {
                        let path = check.path.clone();
                        check.faults.missing(&path, &field.ty);
                    });
                }
            }
            (Some(InputType::Object { .. }), _) => self.wrong(name),
        }
    }

    fn wrong(&mut self, name: &str) {
        let (zh, en) = (format!("不是有效的 {name}"), format!("not a valid {name}"));
        self.faults.add(&self.path, zh, en);
    }

    fn within(&mut self, segment: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(segment);
        check(self);
        self.path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::sdl::SchemaHints;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    const SDL: &str = r#"
        schema { query: Query }
        type Query { a: Int }
        "A day."
        scalar Date
        enum Domain { RURAL COMMUNITY }
        input BranchBy @oneOf { id: ID code: String }
        input Entry { eventId: String! points: Float! domain: Domain on: Date count: Int! = 3 }
        input Push { entries: [Entry!]! by: BranchBy note: String }
    "#;

    fn run(query: &str, variables: serde_json::Value) -> Result<serde_json::Value, Vec<String>> {
        let date = |v: &Value| matches!(v, Value::String(s) if s.parse::<chrono::NaiveDate>().is_ok());
        let types = SchemaTypes::new(SDL, &SchemaHints::new().scalar("Date", date)).unwrap();
        let document = parse_query(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        coerce(
            &types,
            &document.operations,
            &operation.node,
            Variables::from_json(variables),
        )
        .map(|v| serde_json::to_value(&v).unwrap())
        .map_err(|faults| faults.iter().map(|f| f.message().en.to_string()).collect())
    }

    fn push(input: serde_json::Value) -> Result<serde_json::Value, Vec<String>> {
        run("query($input: Push!) { a }", json!({ "input": input }))
    }

    #[test]
    fn values_that_fit_stay_as_they_are() {
        let variables = json!({ "input": {
            "entries": [{ "eventId": "e", "points": 1, "domain": "RURAL", "on": "2022-02-28" }],
            "by": { "code": "HC-01" },
            "note": null,
        }});
        assert_eq!(
            run("query($input: Push!) { a }", variables.clone()),
            Ok(variables)
        );
        // One value stands for a list of one.
        assert!(push(json!({ "entries": { "eventId": "e", "points": 0.5 } })).is_ok());
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_path() {
        let entry = |field: &str, value: serde_json::Value| {
            let mut entry = json!({ "eventId": "e", "points": 1 });
            entry[field] = value;
            push(json!({ "entries": [{ "eventId": "e", "points": 1 }, entry] })).unwrap_err()
        };
        assert_eq!(
            entry("points", json!("1")),
            ["Variable input.entries[1].points: not a valid Float"]
        );
        assert_eq!(
            entry("points", json!(null)),
            ["Variable input.entries[1].points: null is no Float!"]
        );
        assert_eq!(
            entry("on", json!("2022-02-30")),
            ["Variable input.entries[1].on: not a valid Date"]
        );
        assert_eq!(
            entry("count", json!(2_147_483_648_i64)),
            ["Variable input.entries[1].count: not a valid Int"]
        );
        assert_eq!(
            entry("count", json!(1.5)),
            ["Variable input.entries[1].count: not a valid Int"]
        );
        assert_eq!(
            entry("pionts", json!(1)),
            ["Variable input.entries[1].pionts: Entry has no such field"]
        );
        assert_eq!(
            entry("domain", json!("rural")),
            ["Variable input.entries[1].domain: no value of Domain"]
        );
        assert_eq!(
            push(json!({ "entries": [{}] })).unwrap_err(),
            [
                "Variable input.entries[0].eventId: a value of type String! is required",
                "Variable input.entries[0].points: a value of type Float! is required",
            ]
        );
        assert_eq!(push(json!([])).unwrap_err(), ["Variable input: not a valid Push"]);
    }

    #[test]
    fn exactly_one_field_of_a_one_of() {
        for by in [
            json!({}),
            json!({ "id": "1", "code": "a" }),
            json!({ "id": null }),
            json!({ "id": "1", "code": null }),
        ] {
            let faults = push(json!({ "entries": [], "by": by })).unwrap_err();
            assert_eq!(
                faults,
                ["Variable input.by: BranchBy takes exactly one field, and not null"]
            );
        }
        // An ID may be given as a number.
        assert!(push(json!({ "entries": [], "by": { "id": 12 } })).is_ok());
        assert!(push(json!({ "entries": [], "by": { "id": 1.5 } })).is_err());
    }

    #[test]
    fn left_out_null_and_unknown_variables() {
        assert_eq!(
            run("query($a: Int!) { a }", json!({})).unwrap_err(),
            ["Variable a: a value of type Int! is required"]
        );
        assert_eq!(run("query($a: Int) { a }", json!({})), Ok(json!({})));
        assert_eq!(run("query($a: Int! = 5) { a }", json!({})), Ok(json!({ "a": 5 })));
        assert_eq!(
            run("query($a: Int = 5) { a }", json!({ "a": null })),
            Ok(json!({ "a": null }))
        );
        assert_eq!(
            run("query($a: Int! = 5) { a }", json!({ "a": null })).unwrap_err(),
            ["Variable a: null is no Int!"]
        );
        assert_eq!(
            run("query($a: Int) { a }", json!({ "b": 1 })).unwrap_err(),
            ["Variable b: Variable $b is not declared"]
        );
    }

    #[test]
    fn a_thousand_faults_are_told_as_ten() {
        let entries = vec![json!({}); 1000];
        assert_eq!(
            push(json!({ "entries": entries })).unwrap_err().len(),
            MOST_FAULTS
        );
    }
}
