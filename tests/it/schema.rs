//! The schema that is printed: fresh, described, and as Relay wants its nodes.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use zhibu::graphql::schema;

/// `schema.graphql` is what `zhibu schema` prints.
#[test]
fn the_printed_schema_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let kept = fs::read_to_string(file).expect("schema.graphql");
    assert!(
        kept == schema::sdl(),
        "schema.graphql is stale: run `just schema`"
    );
}

/// Names whose descriptions the language or the library gives.
fn is_ours(name: &str) -> bool {
    !name.starts_with("__") && !["Boolean", "Float", "ID", "Int", "String"].contains(&name)
}

fn introspection() -> Value {
    let query = "{ __schema { types { kind name description
        fields { name description args { name description } type { kind name ofType { kind } } }
        inputFields { name description } enumValues { name description } possibleTypes { name } } } }";
    let schema = schema::builder().finish();
    let response = futures_util::FutureExt::now_or_never(schema.execute(query))
        .expect("introspection waits for nothing");
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    serde_json::to_value(response.data).unwrap()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

#[test]
fn everything_is_described_and_says_it_in_chinese_too() {
    let schema = introspection();
    let mut lacking = Vec::new();
    let mut check = |what: String, described: &Value| {
        let text = described["description"].as_str().unwrap_or_default();
        if !text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
            lacking.push(format!("{what}: {text:?}"));
        }
    };
    for ty in list(&schema["__schema"], "types") {
        let name = ty["name"].as_str().unwrap();
        if !is_ours(name) {
            continue;
        }
        if name != "Subscription" {
            check(name.to_owned(), ty);
        }
        for field in list(ty, "fields") {
            let path = format!("{name}.{}", field["name"].as_str().unwrap());
            check(path.clone(), field);
            for argument in list(field, "args") {
                check(
                    format!("{path}({})", argument["name"].as_str().unwrap()),
                    argument,
                );
            }
        }
        for value in list(ty, "inputFields").chain(list(ty, "enumValues")) {
            check(format!("{name}.{}", value["name"].as_str().unwrap()), value);
        }
    }
    assert_eq!(lacking, Vec::<String>::new());
}

#[test]
fn every_type_with_a_global_id_is_a_node() {
    let schema = introspection();
    let mut nodes = BTreeSet::new();
    let mut with_id = BTreeSet::new();
    for ty in list(&schema["__schema"], "types") {
        let name = ty["name"].as_str().unwrap().to_owned();
        if name == "Node" {
            nodes = list(ty, "possibleTypes")
                .map(|t| t["name"].as_str().unwrap().to_owned())
                .collect();
        }
        let id = json!({ "kind": "NON_NULL", "name": null, "ofType": { "kind": "SCALAR" } });
        if ty["kind"] == "OBJECT" && list(ty, "fields").any(|f| f["name"] == "id" && f["type"] == id) {
            with_id.insert(name);
        }
    }
    assert_eq!(nodes, with_id);
    let known: BTreeSet<String> = zhibu::kernel::id::NodeType::ALL
        .iter()
        .map(|t| t.as_str().to_owned())
        .collect();
    assert_eq!(nodes, known);
}
